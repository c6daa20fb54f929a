"""The msa stage: one alignment per unique protein sequence of the campaign.

`msa.provider` names where alignments come from, in the order in which they are tried: `directory`, one of
`mmseqs` and `server`, `none`. The first that has an alignment of a sequence gives it; a search that finds no
other sequence has none. With `none` at the end, a sequence that nobody has is folded as a single sequence,
and its complexes are flagged.

A sequence *fails* if its file is malformed or of another sequence, if its search fails, or if nobody has an
alignment and `none` is not named: to fold without the alignment that the user asked for would be a silent
surprise. `msa.on_failure` decides what becomes of its complexes. An alignment that cannot be had now (a file
cannot be read, or what was searched is not in the cache) says nothing about its sequence: it ends the stage.

Searches run before, as jobs of many sequences each (`batches`, `search`), and put what they find into a cache
(`foldcp.msa.cache`) that all campaigns share. This stage copies alignments from there into the campaign.

A complex may have alignments of its own in `directory` (`foldcp.msa.own`). They are further rows, which only
that complex takes; what is wrong with them costs that complex alone. A sequence without any other alignment
in `directory` takes the first of them for the complexes that have none, decoys among them, and is not
searched.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from foldcp.campaign.own_alignments import own_alignments
from foldcp.config import MsaConfig
from foldcp.errors import FoldcpError, InputError, MissingError, UnreadableError
from foldcp.msa import a3m
from foldcp.msa.diversity import diverse
from foldcp.msa.pairing import Indexer
from foldcp.msa.providers import Provider, Searched, providers, searched
from foldcp.msa.query import Query
from foldcp.msa.species import read_species_map, with_species
from foldcp.tables.files import atomic_write, make_folder
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import MSA, MSA_BATCHES, MSA_FAILED

_STANDS_IN = ("canonical_for_isoform", "whole_entry_for_feature")


def queries(sequences: pa.Table) -> list[Query]:
    """Return the unique protein sequences of a SEQUENCES table, sorted by hash.

    Members of which only the length is known are left out.
    """
    unique: dict[str, str] = {}
    names: dict[str, set[str]] = defaultdict(set)
    for row in sequences.to_pylist():
        if row["entity_type"] == "protein" and row["sequence"] is not None:
            unique[row["sha256"]] = row["sequence"]
            names[row["sha256"]].add(row["accession" if row["resolution"] in _STANDS_IN else "member"])
    return [Query(sha256, unique[sha256], tuple(sorted(names[sha256]))) for sha256 in sorted(unique)]


def batches(sequences: pa.Table, config: MsaConfig, complexes: pa.Table | None = None) -> pa.Table:
    """Return which sequences have to be searched, cut into batches.

    What an earlier provider has, or the cache, is not searched.

    Parameters
    ----------
    sequences
        SEQUENCES table.
    config
        Providers, cache, size of a batch.
    complexes
        COMPLEXES table, whose complexes may have alignments of their own; None if there are none.

    Raises
    ------
    InputError
        If a folder or database is not there.
    """
    chain, wanted = providers(config), queries(sequences)
    if own := own_alignments(chain, wanted, sequences, complexes):
        own.lend_all()
    missing = [query for query in wanted if not _is_settled(query, chain)]
    # Long sequences are spread over the batches, so that these take about the same time.
    missing.sort(key=lambda query: (-len(query.sequence), query.sha256))
    count = -(-len(missing) // config.batch)
    rows = [
        {"batch": f"{number % count:05d}", "sha256": query.sha256, "sequence": query.sequence}
        for number, query in enumerate(missing)
    ]
    return rows_to_table(MSA_BATCHES, rows)


def _is_settled(query: Query, chain: Sequence[Provider]) -> bool:
    """Return whether nothing is to be searched: an earlier provider or the cache has the sequence."""
    for provider in chain:
        if provider.has(query):
            return True
        if isinstance(provider, Searched):
            return False
    return True


def search(table: pa.Table, batch: str, config: MsaConfig) -> pa.Table:
    """Search the sequences of one batch, and put the alignments into the cache.

    Parameters
    ----------
    table
        MSA_BATCHES table.
    batch
        Name of the batch.
    config
        Providers and cache. What the cache holds is not searched again.

    Returns
    -------
    pa.Table
        MSA_FAILED table: sequences without a result, and the reason.

    Raises
    ------
    FoldcpError
        If the search itself cannot run, or fails for every sequence or for more than can be told apart.
    """
    provider = searched(config)
    assert provider is not None  # there are no batches without one
    rows = [row for row in table.to_pylist() if row["batch"] == batch]
    failed = provider.fill([Query(row["sha256"], row["sequence"]) for row in rows])
    return rows_to_table(MSA_FAILED, [{"sha256": key, "reason": failed[key]} for key in sorted(failed)])


def collect(
    sequences: pa.Table,
    config: MsaConfig,
    out: Path,
    failed: Mapping[str, str] | None = None,
    complexes: pa.Table | None = None,
) -> pa.Table:
    """Find, check and rewrite the alignment of every unique protein sequence, and those of single complexes.

    Parameters
    ----------
    sequences
        SEQUENCES table.
    config
        Providers, and what to do about failures.
    out
        Folder the alignments are written to, as ``<sha256>.a3m``, or ``<complex_id>.<sha256>.a3m`` where they
        are of one complex; created. Paths in the table are relative to its parent.
    failed
        Hash of each sequence whose search failed, and the reason.
    complexes
        As `batches`.

    Returns
    -------
    pa.Table
        MSA table, sorted by hash; after it the alignments of single complexes, sorted by complex and hash.

    Raises
    ------
    InputError
        If a folder or database that a provider needs does not exist.
    MissingError
        If alignments cannot be read, or were searched and are not in the cache.
    """
    make_folder(out)
    chain, shared = providers(config), queries(sequences)
    own = own_alignments(chain, shared, sequences, complexes)
    writer = _Writer(config, out)
    rows, lost = [], []
    # Those of single complexes first: the good ones may have to serve others.
    for query in [*(own.queries if own else ()), *shared]:
        try:
            row = _row(query, [own] if own and query.complex_id else chain, config, writer, failed or {})
        except (MissingError, UnreadableError) as error:
            lost.append(error)
            continue
        rows.append(row)
        if own and query.complex_id and "path" in row:
            own.lend(query)
    if lost:
        raise MissingError(f"{len(lost)} alignments cannot be had, nothing is decided. The first: {lost[0]}")
    return rows_to_table(MSA, sorted(rows, key=lambda row: (row["complex_id"] or "", row["sha256"])))


class _Writer:
    """Writes alignments into the campaign, thinned out and with the species that the user's map knows."""

    def __init__(self, config: MsaConfig, out: Path) -> None:
        self.out, self._config = out, config
        self._species = read_species_map(config.species) if config.species else {}

    def write(self, name: str, query: Query, rows: Iterable[a3m.Row]) -> dict[str, Any]:
        """Write an alignment of a query, and return what the MSA table says of it."""
        named = ((with_species(header, self._species), row) for header, row in rows)
        thinned = diverse(named, self._config.max_identity, self._config.max_rows)
        indexer = Indexer()
        with atomic_write(self.out / name) as handle:
            summary = a3m.write(indexer.watch(thinned), len(query.sequence), handle.write)
        its = indexer.result()
        return {
            "path": f"{self.out.name}/{name}",
            "depth": its.depth,
            "coverage": summary.coverage,
            "file_sha256": summary.sha256,
            "species": list(its.first),
            "n_species_rows": len(its.first) + len(its.others),
        }


class _FailedError(FoldcpError):
    """A sequence gets no alignment from a provider that should have one."""


def _row(
    query: Query, chain: Iterable[Provider], config: MsaConfig, writer: _Writer, failed: Mapping[str, str]
) -> dict[str, Any]:
    row: dict[str, Any] = {"sha256": query.sha256, "complex_id": query.complex_id}
    row |= {"length": len(query.sequence), "provider": "none", "depth": 1, "species": [], "n_species_rows": 0}
    name = config.providers[-1]
    try:
        for provider in chain:
            name = provider.name
            if found := _take(query, provider, writer, failed):
                return row | {"provider": name, **found}
        if "none" in config.providers:
            return row
        reason = f"no alignment of it ({config.provider}); with none at the end of msa.provider it is folded"
    except UnreadableError:
        raise
    except (_FailedError, InputError) as error:
        reason = str(error)
    if config.on_failure == "single":
        return row | {"failure": reason}
    return row | {"provider": name, "depth": 0, "error": reason}


def _take(
    query: Query, provider: Provider, writer: _Writer, failed: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return what the row says of a provider's alignment, which is then in `out`; None if it has none."""
    if not provider.has(query):
        if not isinstance(provider, Searched):
            return None
        if query.sha256 in failed:
            raise _FailedError(f"{provider.name}: {failed[query.sha256]}")
        raise MissingError(
            f"{provider.cache.path(query)} is not there. The cache, the database or the settings are not "
            "those of the search: put them back, or search again with --forcerun msa_batches"
        )
    name = f"{query.stem}.a3m"
    found = writer.write(name, query, provider.read(query))
    if isinstance(provider, Searched) and found["depth"] == 1:  # only the query: no other sequence was found
        (writer.out / name).unlink()
        return None
    return found | {"origin": provider.origin(query)}
