"""The controls stage: decoys, to compare the scores of real complexes with.

A decoy of a complex has its subunits replaced by subunits of other complexes: as many distinct ones, in as
many copies, each of about the same length and depth of alignment, of the same species, and not from a
compartment where the complex is not. No two different subunits of a decoy are known to meet: in no record of
the campaign's table, rejected ones included, and in none of `controls.known_partners`. Proteins of equal
sequence, and isoforms of one entry, count as one.

* Complexes of equal input are one prediction and get decoys once: `matched_to` names the first of them in
  alphabetical order. Pairs of a screen that are not known to interact get none; they are compared themselves.
* Ligands and nucleic acids are replaced like proteins, each by one of its own kind.
* A complex of one distinct protein or nucleic acid gets no decoy: a copy of another protein would be another
  homomer, which may well be real, or a pair of different ones, which has another symmetry.
* No decoy has the content of another, or of a complex of the campaign.

A complex that cannot be given its decoys is a row of the rejected table with the reason. It is a remark: the
complex itself goes on.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foldcp.campaign.compartments import compartments
from foldcp.campaign.decoys import Content, Drawn, Original, Slot, candidates, content_of, draw, how_many
from foldcp.campaign.ingested import add_content
from foldcp.campaign.partners import Partners, groups_of, read_groups
from foldcp.campaign.pool import Pool, Subunit, number_of, same_molecule, subunits
from foldcp.campaign.tokens import count
from foldcp.config import Config, ControlsConfig
from foldcp.msa.pairing import Pairing
from foldcp.names import distinct_ids
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import COMPLEXES, REJECTED

_OF_ROLES = ("input", "known")


class Controls(NamedTuple):
    """Outcome of the stage.

    Attributes
    ----------
    decoys
        COMPLEXES table of role `decoy`.
    rejected
        REJECTED table: complexes without (enough) decoys.
    remarks
        What was read and found, in words.
    """

    decoys: pa.Table
    rejected: pa.Table
    remarks: tuple[str, ...]


def make_controls(
    complexes: pa.Table, sequences: pa.Table, unresolved: pa.Table, msa: pa.Table, config: Config
) -> Controls:
    """Make the decoys of a campaign.

    Parameters
    ----------
    complexes, sequences, unresolved, msa
        Tables of the stages before.
    config
        The campaign's; its input tables are read for partners.

    Raises
    ------
    UsageError, InputError
        If a table of partners cannot be read.
    """
    if not config.controls.decoys_per_complex:
        return Controls(empty(COMPLEXES), empty(REJECTED), ())
    found = subunits(complexes, sequences, msa)
    proteins, numbers = same_molecule(found)
    pool = Pool(found, proteins)
    groups, remarks = _known_groups(complexes, numbers.keys(), {s.namespace for s in found}, config)
    partners = Partners(groups, numbers, max(proteins, default=-1) + 1)
    # How deep alignments of complexes are is not asked: nothing has to be paired.
    unpaired = Pairing("none")
    folded = count(complexes, sequences, unresolved, msa, config.sequences, unpaired).tokens
    rows = {row["complex_id"]: row for row in _of_roles(complexes).to_pylist()}
    contents, originals, alone = _originals(rows, folded, pool)
    decoys, short = _draw_all(originals, contents, pool, partners, config)
    short |= alone
    made = _decoy_rows(decoys, rows, complexes["complex_id"].to_pylist())
    lacking = [_lacking(rows[name], reason) for name, reason in sorted(short.items())]
    said = f"{len(originals)} distinct complexes: {len(made)} decoys; {len(lacking)} complexes have too few"
    return Controls(rows_to_table(COMPLEXES, made), rows_to_table(REJECTED, lacking), (*remarks, said))


def _of_roles(complexes: pa.Table) -> pa.Table:
    return complexes.filter(pc.field("role").isin(_OF_ROLES))


def _known_groups(
    complexes: pa.Table, molecules: Set[str], namespaces: Iterable[str], config: Config
) -> tuple[list[frozenset[str]], list[str]]:
    """Return sets of molecules of the campaign that are known to be together, and what was read."""
    groups, remarks = list(groups_of(_of_roles(complexes))), []
    for path, fmt in _partner_tables(config):
        got = read_groups(path, molecules, fmt)
        groups += (group.molecules for group in got.groups)
        remarks.append(
            f"{path}: {got.n_read} records of partners, {got.n_met} of them between molecules of this "
            f"campaign; {got.n_unread} records without any"
        )
        if not got.n_met and path in config.controls.known_partners:
            remarks.append(_of_no_use(path, got.namespaces, namespaces))
    return groups, remarks


def _of_no_use(path: Path, theirs: Iterable[str], ours: Iterable[str]) -> str:
    return (
        f"warning: {path} keeps no two subunits apart: its molecules are named by "
        f"{', '.join(sorted(theirs)) or 'nothing that is known'}, those of this campaign by "
        f"{', '.join(sorted(set(ours)))}. Names must be of the same database (for UniProt accessions: "
        "BioGRID, IntAct or your own CSV); check also that it is of the same organism"
    )


def _partner_tables(config: Config) -> Iterator[tuple[Path, str]]:
    # Again, although it was read: rows that became no complex still say which of their members meet.
    if config.complexes.table:
        yield config.complexes.table, config.complexes.format
    if config.complexes.screen.known:
        yield config.complexes.screen.known, "auto"
    yield from ((path, "auto") for path in config.controls.known_partners)


def _originals(
    rows: Mapping[str, Mapping[str, Any]], folded: pa.Table, pool: Pool
) -> tuple[set[Content], list[Original], dict[str, str]]:
    """Return the content of what will be folded, the complexes that may get decoys, and why some may not.

    Only their own alignments let these be folded.
    """
    contents: set[Content] = set()
    first: dict[str, Mapping[str, Any]] = {}
    alone: dict[str, str] = {}
    for batch in folded.select(["complex_id", "chains", "input_key"]).to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            if lacking := [chain["member"] for chain in row["chains"] if chain["member"] not in pool]:
                if row["complex_id"] in rows:
                    alone[row["complex_id"]] = (
                        f"0 decoys: only its own alignment of {lacking[0]} can be used, and decoys have none"
                    )
                continue
            contents.add(content_of((pool[chain["member"]].identity, 1) for chain in row["chains"]))
            if row["complex_id"] in rows:
                known = first.setdefault(row["input_key"], row)
                first[row["input_key"]] = min(known, row, key=lambda r: r["complex_id"])
    originals = [_original(rows[row["complex_id"]], row["chains"], pool) for row in first.values()]
    return contents, originals, alone


def _original(row: Mapping[str, Any], chains: Iterable[Mapping[str, Any]], pool: Pool) -> Original:
    # Chains have an order of their own, so that the order of members in the table does not matter.
    copies = Counter(chain["member"] for chain in chains)
    slots = tuple(Slot(pool[member], n) for member, n in copies.items())
    return Original(row["complex_id"], row["content_key"], slots, compartments(row["annotations"]))


def _draw_all(
    originals: Iterable[Original], taken: set[Content], pool: Pool, partners: Partners, config: Config
) -> tuple[list[Drawn], dict[str, str]]:
    """Return all decoys, and for each complex that has too few of them the reason.

    First the first decoy of each complex, then the second: to ask for more leaves those that are there.
    """
    settings, seed = config.controls, config.seed
    wanted = {o.complex_id: how_many(o, settings.decoys_per_complex, seed) for o in originals}
    order = sorted(originals, key=lambda o: (number_of(f"{seed}:{o.content_key}"), o.complex_id))
    decoys: list[Drawn] = []
    short: dict[str, str] = {}
    for number in range(1, max(wanted.values(), default=0) + 1):
        for original in (o for o in order if wanted[o.complex_id] >= number and o.complex_id not in short):
            got = _draw_one(original, number, taken, pool, partners, config)
            if isinstance(got, Drawn):
                taken.add(got.content)
                decoys.append(got)
            else:
                short[original.complex_id] = f"{number - 1} of {wanted[original.complex_id]} decoys: {got}"
    return decoys, short


def _draw_one(
    original: Original, number: int, taken: set[Content], pool: Pool, partners: Partners, config: Config
) -> Drawn | str:
    """Return a decoy, or the reason why there is none."""
    settings = config.controls
    polymers = {pool.protein_of(m) for m in original.polymers}
    if len(polymers) < 2:
        return "it has one distinct protein or nucleic acid; a decoy needs two that are not known to meet"
    options = candidates(original, pool, settings.length_tolerance, settings.depth_factor)
    drawn = draw(original, number, options, pool, partners, config.seed)
    found = next((decoy for decoy in drawn if decoy.content not in taken), None)
    return found or _why_none(original, options, settings)


def _why_none(original: Original, options: Sequence[np.ndarray], settings: ControlsConfig) -> str:
    scarce = [
        f"{slot.subunit.member} ({slot.subunit.length} residues or atoms, {slot.subunit.depth} aligned)"
        for slot, option in zip(original.slots, options, strict=True)
        if len(option) < 2
    ]
    what = (
        f"no other subunit is like {', '.join(scarce[:3])}" if scarce else "no new set of subunits was found"
    )
    return (
        f"{what}; a subunit is replaced by one of its kind and species, of a length within "
        f"{settings.length_tolerance:.0%} and an alignment depth within a factor of "
        f"{settings.depth_factor:g}, of no other compartment, and no known partner of the others. "
        "A larger controls.length_tolerance or controls.depth_factor helps, and so do fewer decoys"
    )


def _lacking(row: Mapping[str, Any], reason: str) -> dict[str, Any]:
    whose = {name: row[name] for name in ("complex_id", "source_id", "source_row")}
    return {"stage": "controls", **whose, "reason_code": "no_decoy", "reason": reason}


def _decoy_rows(
    decoys: Iterable[Drawn], rows: Mapping[str, Mapping[str, Any]], taken: Iterable[str]
) -> list[dict[str, Any]]:
    ordered = sorted(decoys, key=lambda d: (d.original.complex_id, d.number))
    names = distinct_ids([f"decoy-{d.original.complex_id}-{d.number}" for d in ordered], taken)
    made = [_decoy_row(d, name, rows[d.original.complex_id]) for d, name in zip(ordered, names, strict=True)]
    add_content(made)
    return made


def _decoy_row(decoy: Drawn, complex_id: str, of: Mapping[str, Any]) -> dict[str, Any]:
    source = {member["member"]: member["copies_source"] for member in of["members"]}
    pairs = list(zip(decoy.original.slots, decoy.subunits, strict=True))
    return {
        "complex_id": complex_id,
        "source_id": complex_id,
        "source_row": of["source_row"],
        "source_format": "decoy",
        "name": f"decoy of {of['name'] or of['source_id']}",
        "organism": of["organism"],
        "members": [
            {
                "member": new.member,
                "namespace": new.namespace,
                "copies": slot.copies,
                "copies_source": source[slot.subunit.member],
                "gene": new.gene,
            }
            for slot, new in pairs
        ],
        "annotations": [],
        "flags": [*_matched(pairs), *(f"swapped:{slot.subunit.member}>{new.member}" for slot, new in pairs)],
        "role": "decoy",
        "matched_to": of["complex_id"],
    }


def _matched(pairs: Sequence[tuple[Slot, Subunit]]) -> list[str]:
    """Return how well a decoy matches: whole in tokens, worst subunit in length and in depth."""
    tokens = sum(slot.copies * slot.subunit.length for slot, _ in pairs)
    more = sum(slot.copies * (new.length - slot.subunit.length) for slot, new in pairs)
    length = max(abs(new.length - slot.subunit.length) / slot.subunit.length for slot, new in pairs)
    depths = [sorted((slot.subunit.depth, new.depth)) for slot, new in pairs]
    depth = max(high / low for low, high in depths)
    return [
        f"matched:tokens={more / tokens:+.1%}",
        f"matched:length={length:.1%}",
        f"matched:depth=x{depth:.2g}",
    ]
