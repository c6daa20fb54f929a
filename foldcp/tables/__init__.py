"""Tables: declared Arrow schemas, atomic files, provenance. Imports neither torch nor boltz."""

from foldcp.tables.files import atomic_write, distinct, read_table, write_table
from foldcp.tables.provenance import Provenance, sha256_file, sha256_json
from foldcp.tables.rows import TableSpec, empty, rows_to_table

__all__ = [
    "Provenance",
    "TableSpec",
    "atomic_write",
    "distinct",
    "empty",
    "read_table",
    "rows_to_table",
    "sha256_file",
    "sha256_json",
    "write_table",
]
