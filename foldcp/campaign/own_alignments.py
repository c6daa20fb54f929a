"""Which complexes of a campaign have alignments of their own, from its tables."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from foldcp.msa.directory import Directory
from foldcp.msa.own import Members, OwnAlignments, possible
from foldcp.msa.providers import Provider
from foldcp.msa.query import Query


def own_alignments(
    chain: Iterable[Provider], shared: Iterable[Query], sequences: pa.Table, complexes: pa.Table | None
) -> OwnAlignments | None:
    """Return the alignments of single complexes; None if provider `directory` is not among the providers.

    Parameters
    ----------
    chain
        Providers of the campaign.
    shared
        Its unique protein sequences.
    sequences, complexes
        SEQUENCES and COMPLEXES tables; None if no complex has alignments of its own.

    Raises
    ------
    UnreadableError
        If a folder cannot be listed.
    """
    directory = next((provider for provider in chain if isinstance(provider, Directory)), None)
    if directory is None or complexes is None:
        return None
    queries = {query.sha256: query for query in shared}
    names = {name for query in queries.values() for name in (query.sha256, *query.names)}
    return OwnAlignments(directory, _members(directory, queries, sequences, complexes), names)


def _members(
    directory: Directory, queries: dict[str, Query], sequences: pa.Table, complexes: pa.Table
) -> dict[str, Members]:
    """Return the members of the complexes that may have alignments of their own."""
    named = pa.array(sorted(possible(directory)), pa.string())
    found = complexes.select(["complex_id", "members"]).filter(pc.field("complex_id").isin(named))
    hashes = dict(zip(sequences["member"].to_pylist(), sequences["sha256"].to_pylist(), strict=True))
    return {
        row["complex_id"]: [queries.get(hashes.get(member["member"], "")) for member in row["members"]]
        for row in found.to_pylist()
    }
