"""The tokens stage: what each complex is made of when it is folded, and how large it is.

Tokens are counted as Boltz-2 counts them (its `data/parse/schema.py` and `data/tokenize/boltz2.py`): one per
amino acid or nucleotide, whatever the letter, and one per heavy atom of a ligand, none of which leaves.

**Order of chains.** Equal content must give an equal prediction, in whatever order a table lists the members,
so chains have a canonical order: proteins, DNA, RNA, ligands; in each the longest first, then by the hash of
the sequence. Copies of one sequence are neighbours, also those of different members: to Boltz they are one
entity.

**Input key.** The hash of everything that a prediction reads, in that order: type, sequence and alignment of
each chain, which is the complex's own where it has one; which of their rows are paired; templates. Neither
names nor paths are part of it, nor a setting that makes no difference. Complexes with an equal key are
predicted once: `predicted_as` names the first of them. A decoy shares with nothing: one with the key of
another complex would be no control, and is rejected.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from foldcp.campaign.ingested import shorten
from foldcp.campaign.template_identity import Likeness
from foldcp.campaign.template_places import place
from foldcp.config import SequencesConfig
from foldcp.errors import InputError
from foldcp.msa.pairing import Entity, Pairing, depths, pairs
from foldcp.tables.provenance import sha256_json
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import REJECTED, TOKENS

# fmt: off
HEAVY_ATOMS = {
    "protein": {
        "A": 5, "R": 11, "N": 8, "D": 8, "C": 6, "Q": 9, "E": 9, "G": 4, "H": 10, "I": 8, "L": 8, "K": 9,
        "M": 8, "F": 11, "P": 7, "S": 6, "T": 7, "W": 14, "Y": 12, "V": 7,
        "B": 5, "J": 5, "O": 5, "U": 5, "X": 5, "Z": 5,
    },
    "rna": {"A": 22, "G": 23, "C": 20, "U": 20, "N": 12},
    "dna": {"A": 21, "G": 22, "C": 19, "T": 20, "N": 11},
}
# fmt: on
"""Atoms of a residue, as Boltz keeps them: no terminal oxygen, five for any unknown amino acid."""

_MEAN_ATOMS = {"protein": 7.9, "rna": 21.25, "dna": 20.5}
"""Per residue, where only the length is known: mean over yeast and human proteins, or of the four bases."""

_TYPES = ("protein", "dna", "rna", "ligand")
_SHOWN = 5
_NO_SPECIES = np.empty(0, np.int64)
_COLUMNS = ["complex_id", "source_id", "source_row", "members", "role", "templates"]


class Counted(NamedTuple):
    """Outcome of the stage: every complex is in exactly one of the two tables."""

    tokens: pa.Table
    rejected: pa.Table


@dataclass(frozen=True)
class _Part:
    """A member as it is folded."""

    member: str
    entity_type: str
    sha256: str
    """Empty if only the length is known."""
    n_tokens: int
    n_atoms: int
    msa_sha256: str | None
    msa_depth: int
    species: np.ndarray
    """Numbers of the species that its alignment can be paired by."""
    n_other_rows: int
    flags: tuple[str, ...]

    @property
    def identity(self) -> str:
        return self.sha256 or f"member:{self.member}"

    @property
    def order(self) -> tuple[int, int, str, str]:
        return _TYPES.index(self.entity_type), -self.n_tokens, self.identity, self.member


class _Unfit(NamedTuple):
    """Why a member cannot be folded."""

    code: str
    reason: str


def count(
    complexes: pa.Table,
    sequences: pa.Table,
    unresolved: pa.Table,
    msa: pa.Table | None,
    config: SequencesConfig,
    pairing: Pairing = Pairing(),  # noqa: B008 (frozen)
    folder: Path | None = None,
) -> Counted:
    """Count the tokens of every complex, copies included, and reject complexes that cannot be folded.

    Parameters
    ----------
    complexes, sequences, unresolved
        Tables of the stages before; decoys come after the complexes they are controls of.
    msa
        MSA table; None to plan without alignments.
    config
        What to do with members that cannot be folded.
    pairing
        How alignments are paired.
    folder
        Campaign folder, whose templates are compared with the members; None to leave that out.

    Returns
    -------
    Counted
        TOKENS and REJECTED tables, each in the order of `complexes`.

    Raises
    ------
    MissingError
        If the folder lacks a template.
    """
    parts, own = _parts(sequences.to_pylist(), _alignments(msa) if msa is not None else [])
    unfit = {r["member"]: _Unfit(r["reason_code"], r["reason"]) for r in unresolved.to_pylist()}
    counted: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    first: dict[str, str] = {}
    for row in _rows(complexes):
        mine = own.get(row["complex_id"], {})
        names = [m["member"] for m in row["members"]]
        folded = {name: unfit.get(name) or mine.get(name) or parts[name] for name in names}
        found, rejection = _fate(row, folded, first, config, pairing)
        counted += [found] if found else []
        rejected += [rejection] if rejection else []
    if folder is not None:
        _compare_templates(counted, sequences, folder)
    return Counted(rows_to_table(TOKENS, counted), rows_to_table(REJECTED, rejected))


def _fate(
    row: Mapping[str, Any],
    folded: Mapping[str, _Part | _Unfit],
    first: dict[str, str],
    config: SequencesConfig,
    pairing: Pairing,
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return a complex's TOKENS row, or its REJECTED row; `first` as `_count_one` takes it."""
    wrong = {key: part for key, part in folded.items() if isinstance(part, _Unfit)}
    if wrong and not _can_drop(wrong, len(folded), config):
        return None, _rejection(row, wrong)
    kept = [(p, m["copies"]) for m in row["members"] if isinstance(p := folded[m["member"]], _Part)]
    try:
        found = _count_one(row, kept, sorted(wrong), first, pairing)
    except InputError as error:
        files = ";".join(dict.fromkeys(template["file"] for template in row["templates"]))
        return None, _rejected(row, "bad_template", str(error), shorten(files))
    if row["role"] == "decoy" and found["predicted_as"] != row["complex_id"]:
        return None, _no_control(row, found["predicted_as"])
    return found, None


def _compare_templates(rows: Iterable[dict[str, Any]], sequences: pa.Table, folder: Path) -> None:
    """Add to rows with templates how like their members these are, which is no part of the input key."""
    known = sequences.filter(pc.field("entity_type") == "protein").select(["sha256", "sequence"])
    likeness = Likeness({row["sha256"]: row["sequence"] for row in known.to_pylist()}, folder)
    for row in rows:
        if row["templates"]:
            row["templates"], flags = likeness.compare(row)
            row["flags"] += flags


def chain_name(index: int) -> str:
    """Return the name of chain `index`, from 0: A to Z, AA, AB, ... (Boltz allows five characters)."""
    name = ""
    index += 1
    while index:
        index, letter = divmod(index - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


_Parts = dict[str, _Part | _Unfit]
"""By member."""


def _alignments(msa: pa.Table) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of the MSA table, with numbers for species.

    There are thousands of species to a row: as Python's text they would take most of the memory and time.
    """
    lists = msa["species"].chunks
    names = pa.chunked_array([chunk.flatten() for chunk in lists], pa.string()).dictionary_encode()
    chunks = names.unify_dictionaries().chunks
    numbers = np.concatenate([_NO_SPECIES, *(chunk.indices.to_numpy() for chunk in chunks)])
    counts = np.concatenate([_NO_SPECIES, *(chunk.value_lengths().to_numpy() for chunk in lists)])
    rows = msa.drop_columns("species").to_pylist()
    for row, species in zip(rows, np.split(numbers, np.cumsum(counts))[:-1], strict=True):
        yield row | {"species": species}


def _parts(
    sequences: Iterable[Mapping[str, Any]], msa: Iterable[Mapping[str, Any]]
) -> tuple[_Parts, dict[str, _Parts]]:
    """Return what each member is with the alignment of all, and in the complexes with one of their own."""
    alignments: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in msa:
        alignments[row["sha256"]].append(row)
    # Where no sequence has an alignment, single sequences are the user's choice and no remark is due.
    some_aligned = any(row["path"] for rows in alignments.values() for row in rows)
    parts: _Parts = {}
    own: dict[str, _Parts] = defaultdict(dict)
    for row in sequences:
        found = alignments.get(row["sha256"]) if row["entity_type"] == "protein" else None
        if not found:
            parts[row["member"]] = _part(row, None, some_aligned)
        for alignment in found or ():
            whose = alignment["complex_id"]
            where = parts if whose is None else own[whose]
            where[row["member"]] = _part_or_not(row, alignment, some_aligned)
    return parts, own


def _part_or_not(row: Mapping[str, Any], alignment: Mapping[str, Any], some_aligned: bool) -> _Part | _Unfit:
    if alignment["error"]:
        return _Unfit("bad_alignment", f"{row['member']}: {alignment['error']}")
    return _part(row, alignment, some_aligned)


def _part(row: Mapping[str, Any], alignment: Mapping[str, Any] | None, some_aligned: bool) -> _Part:
    """Return a member as it is folded."""
    species = alignment["species"] if alignment else _NO_SPECIES
    flags = []
    if row["resolution"] not in ("exact", "length_only"):
        flags.append(f"{row['resolution']}:{row['member']}")
    if alignment and alignment["depth"] == 1 and (some_aligned or alignment["failure"]):
        flags.append(f"single_sequence:{row['member']}")
    return _Part(
        row["member"],
        row["entity_type"],
        row["sha256"] or "",
        row["length"],
        _heavy_atoms(row["entity_type"], row["sequence"], row["length"]),
        alignment["file_sha256"] if alignment else None,
        alignment["depth"] if alignment else 1,
        species,
        alignment["n_species_rows"] - len(species) if alignment else 0,
        tuple(flags),
    )


def _heavy_atoms(entity_type: str, sequence: str | None, length: int) -> int:
    if entity_type == "ligand":
        return length
    if sequence is None:
        return round(_MEAN_ATOMS[entity_type] * length)
    return sum(atoms * sequence.count(letter) for letter, atoms in HEAVY_ATOMS[entity_type].items())


def _no_control(row: Mapping[str, Any], same: str) -> dict[str, Any]:
    reason = f"a decoy of the same sequences and copies as {same}, and therefore no control"
    return _rejected(row, "decoy_is_complex", reason, "")


def _rows(complexes: pa.Table) -> Iterator[dict[str, Any]]:
    """Yield what the stage needs of each row; a screen has too many to make them all at once."""
    for batch in complexes.select(_COLUMNS).to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


def _can_drop(wrong: Mapping[str, _Unfit], n_members: int, config: SequencesConfig) -> bool:
    """Whether the complex is folded without its unfit members: never without a protein, nor without all."""
    droppable = config.unsupported_member == "drop" and all(
        u.code == "unsupported_member" for u in wrong.values()
    )
    return droppable and len(wrong) < n_members


def _rejection(row: Mapping[str, Any], wrong: Mapping[str, _Unfit]) -> dict[str, Any]:
    # A complex that could do without some unfit members is rejected for the others.
    worst = sorted(wrong.items(), key=lambda item: item[1].code == "unsupported_member")
    reasons = [unfit.reason for _, unfit in worst[:_SHOWN]]
    if len(worst) > _SHOWN:
        reasons.append(f"and {len(worst) - _SHOWN} more members")
    return _rejected(row, worst[0][1].code, "; ".join(reasons), ";".join(key for key, _ in worst)[:200])


def _rejected(row: Mapping[str, Any], code: str, reason: str, raw: str) -> dict[str, Any]:
    whose = {name: row[name] for name in ("complex_id", "source_id", "source_row")}
    return {"stage": "tokens", **whose, "reason_code": code, "reason": reason, "raw": raw}


def _count_one(
    row: Mapping[str, Any],
    parts: list[tuple[_Part, int]],
    dropped: list[str],
    first: dict[str, str],
    pairing: Pairing,
) -> dict[str, Any]:
    """Return the TOKENS row; `first` maps each input key to the first complex with it, and is added to.

    Raises
    ------
    InputError
        If a template of the complex cannot be used.
    """
    parts = sorted(parts, key=lambda item: item[0].order)
    chains = _chains(parts)
    templates = place(row["templates"], chains) if row["templates"] else None
    molecules = _entities(parts)
    places = pairs(molecules, pairing)
    rows = depths(molecules, places, pairing.max_rows)
    more = {"templates": templates, "pairs": _hash(places), "max_rows": _limit(molecules, pairing.max_rows)}
    key = _input_key(parts, more)
    return {
        "complex_id": row["complex_id"],
        "role": row["role"],
        "n_tokens": sum(part.n_tokens * copies for part, copies in parts),
        "n_atoms": sum(part.n_atoms * copies for part, copies in parts),
        "n_chains": len(chains),
        "n_entities": len({(part.entity_type, part.identity) for part, _ in parts}),
        "msa_depth": rows.total,
        "paired_depth": rows.paired,
        "chains": chains,
        "templates": templates,
        "n_templates": len(templates or []),
        "input_key": key,
        "predicted_as": first.setdefault(key, row["complex_id"]),
        "flags": [
            *(f"dropped:{key}" for key in dropped),
            *(flag for part, _ in parts for flag in part.flags),
        ],
    }


def _chains(parts: Iterable[tuple[_Part, int]]) -> list[dict[str, Any]]:
    chains = [
        {
            "member": part.member,
            "entity_type": part.entity_type,
            "sha256": part.sha256,
            "copy": copy,
            "n_tokens": part.n_tokens,
        }
        for part, copies in parts
        for copy in range(1, copies + 1)
    ]
    for index, chain in enumerate(chains):
        chain["chain_id"] = chain_name(index)
    return chains


def _entities(parts: Iterable[tuple[_Part, int]]) -> list[Entity]:
    """Return what is paired, in the order of chains. Members of one sequence are one entity."""
    found: dict[str, Entity] = {}
    for part, copies in parts:
        before = found[part.identity].copies if part.identity in found else 0
        found[part.identity] = Entity(before + copies, part.msa_depth, part.species, part.n_other_rows)
    return list(found.values())


def _hash(places: np.ndarray) -> str | None:
    return hashlib.sha256(places.tobytes()).hexdigest() if len(places) else None


def _limit(molecules: Iterable[Entity], max_rows: int) -> int | None:
    """Return the limit of rows if it takes any."""
    return max_rows if any(entity.depth > max_rows for entity in molecules) else None


def _input_key(parts: Iterable[tuple[_Part, int]], more: Mapping[str, Any]) -> str:
    chains = [(p.entity_type, p.identity, p.msa_sha256) for p, copies in parts for _ in range(copies)]
    # Another way of pairing folds no complex again whose rows it leaves as they are.
    deciding = {name: value for name, value in more.items() if value}
    return sha256_json({"chains": chains, **deciding} if deciding else chains)
