"""Readers of the tables that complexes come in, one file per format.

Each format turns one row into one `Record` or refuses it with a `RowError`; `detect` finds the format by
its header and cuts the file into rows. Nothing here interprets a member: that is `foldcp.campaign.members`.
"""

from foldcp.campaign.formats.detect import Table, open_table, stream_table
from foldcp.campaign.formats.record import Part, Record, Row, RowError

__all__ = ["Part", "Record", "Row", "RowError", "Table", "open_table", "stream_table"]
