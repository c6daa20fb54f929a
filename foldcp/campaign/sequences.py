"""The sequences stage: what each member of a complex is, as something that can be folded.

A member of the ligand table is that ligand. Any other is looked up in the user's FASTA files and then in
UniProt (if `uniprot.fetch` is on). What was found is recorded in `resolution`:

======================== ==============================================================================
exact                    the sequence of that very member
canonical_for_isoform    the isoform is absent; the entry's canonical sequence stands in for it
mature_chain             the part of the entry that the feature (PRO_...) spans
whole_entry_for_feature  the whole entry stands in for the mature chain
merged_entry             UniProt has merged the accession into another entry, whose sequence it is
length_only              only the number of residues is known: enough to plan, not to fold
======================== ==============================================================================

``P12345-1`` is usually the canonical sequence of ``P12345``, but not always. UniProt's entry says which
isoform is; a FASTA file with ``P12345`` alone does not, so there it counts as `canonical_for_isoform`.

Members of UniProt and Ensembl are proteins, those of RNAcentral RNA. The sequence of any other member is RNA
if it has no letters but A, C, G, U, N, and DNA if it has no letters but A, C, G, T, N; else it is a protein.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from foldcp.campaign.sources import ligands
from foldcp.campaign.sources.lookup import (
    RNA_NAMESPACE,
    DistinctMember,
    Found,
    Library,
    UnresolvedError,
    distinct_members,
    no_sequence,
)
from foldcp.config import SequencesConfig
from foldcp.errors import InputError
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import SEQUENCES, UNRESOLVED
from foldcp.tables.text import lines

_PROTEIN_NAMESPACES = ("uniprot", "ensembl")
_AMBIGUOUS_BASES = re.compile(r"[RYSWKMBDHV]")


class Resolved(NamedTuple):
    """Outcome of the stage: every distinct member is in exactly one of the two tables."""

    sequences: pa.Table
    unresolved: pa.Table


def resolve(complexes: pa.Table, config: SequencesConfig) -> Resolved:
    """Find the sequence (or the chemistry) of every distinct member.

    Parameters
    ----------
    complexes
        COMPLEXES table.
    config
        FASTA files, ligand table, UniProt access, and what to do when a member is not there exactly.

    Returns
    -------
    Resolved
        SEQUENCES and UNRESOLVED tables, sorted by member.

    Raises
    ------
    InputError
        If a FASTA file is none, or the ligand table is malformed. A single record that cannot be used makes
        its member unresolved (`malformed_sequence`, `duplicate_sequence`).
    MissingError
        If UniProt is needed and cannot be reached.
    """
    table = ligands.read(config.ligands) if config.ligands else {}
    members = distinct_members(complexes)
    library = Library.load((m for m in members if m.key not in table), config)

    def row(member: DistinctMember) -> dict[str, Any]:
        if member.key in table or member.namespace == "chebi":
            return _ligand_row(member, table, config)
        return _polymer_row(member, library.choose(member))

    return _split(members, row)


def resolve_lengths(complexes: pa.Table, lengths_tsv: Path | str) -> Resolved:
    """Find the length of every distinct member in a table of lengths: enough to plan, not to fold.

    An isoform or mature chain that the table does not hold takes the length of its entry.

    Parameters
    ----------
    complexes
        COMPLEXES table.
    lengths_tsv
        Tab- or comma-separated table with a column Entry, Accession or Member, and a column Length.

    Raises
    ------
    InputError
        If the table of lengths is malformed.
    """
    lengths = read_lengths(lengths_tsv)
    name = Path(lengths_tsv).name

    def row(member: DistinctMember) -> dict[str, Any]:
        length = lengths.get(member.key) or lengths.get(member.accession)
        if length is None:
            raise no_sequence(member, f"not in the lengths table {name}")
        kind = "rna" if member.namespace == RNA_NAMESPACE else "protein"
        return _row(member, entity_type=kind, length=length, source="lengths table", resolution="length_only")

    return _split(distinct_members(complexes), row)


def read_lengths(path: Path | str) -> dict[str, int]:
    """Read a table of lengths (as UniProt exports it): accession to number of residues.

    Raises
    ------
    InputError
        Naming file and line: no such columns, or a length that is not a positive whole number.
    """
    path = Path(path)
    rows = ((number, line.split("\t" if "\t" in line else ",")) for number, line in lines(path) if line)
    names = [name.strip().lower() for name in next(rows, (1, [""]))[1]]
    key = next((i for i, name in enumerate(names) if name in ("entry", "accession", "member")), None)
    if key is None or "length" not in names:
        raise InputError(f"{path}, line 1: expected a column Entry and a column Length, got {names}")
    length = names.index("length")
    found: dict[str, int] = {}
    for number, fields in rows:
        text = fields[length].strip() if len(fields) > max(key, length) else ""
        if not text.isdecimal() or not 0 < int(text) < 2**31:
            raise InputError(f"{path}, line {number}: expected an accession and a length, got {fields}")
        found[fields[key].strip()] = int(text)
    return found


def entity_type(namespace: str, sequence: str) -> str:
    """Return protein, rna or dna: by the namespace where it decides, else by the letters."""
    if namespace == RNA_NAMESPACE:
        return "rna"
    letters = set(sequence)
    if namespace in _PROTEIN_NAMESPACES or letters - set("ACGTUN") or {"T", "U"} <= letters:
        return "protein"
    return "rna" if "U" in letters else "dna"


def _polymer_row(member: DistinctMember, found: Found) -> dict[str, Any]:
    kind = entity_type(member.namespace, found.sequence)
    sequence = found.sequence if kind == "protein" else _bases(member.key, found.sequence, kind)
    return _row(
        member,
        entity_type=kind,
        sequence=sequence,
        length=len(sequence),
        sha256=hashlib.sha256(sequence.encode()).hexdigest(),
        source=found.source,
        resolution=found.resolution,
        description=found.description,
        taxid=found.taxid,
    )


def _bases(key: str, sequence: str, kind: str) -> str:
    """Return bases as Boltz reads them: U in RNA, T in DNA, N for any ambiguous one."""
    bases = sequence.translate(str.maketrans("TU", "UU" if kind == "rna" else "TT"))
    bases = _AMBIGUOUS_BASES.sub("N", bases)
    if wrong := sorted(set(bases) - set("ACGTUN")):
        letters = ", ".join(wrong)
        raise UnresolvedError("illegal_letters", f"{key}: not {kind.upper()}: its sequence has {letters}")
    return bases


def _ligand_row(
    member: DistinctMember, table: Mapping[str, ligands.Ligand], config: SequencesConfig
) -> dict[str, Any]:
    ligand = table.get(member.key)
    if ligand is None:
        looked = "not in the ligand table" if config.ligands else "no ligand table was given"
        raise no_sequence(member, f"{looked} (sequences.ligands)")
    try:
        length = ligand.heavy_atoms
    except InputError as error:
        raise UnresolvedError("unsupported_member", f"{member.key}: {config.ligands}: {error}") from None
    return _row(
        member,
        entity_type="ligand",
        ccd=ligand.ccd,
        smiles=ligand.smiles,
        length=length,
        sha256=ligand.sha256,
        source="ligand table",
        resolution="exact",
        description=ligand.description,
    )


def _row(member: DistinctMember, **values: Any) -> dict[str, Any]:
    return {
        "member": member.key,
        "namespace": member.namespace,
        "accession": member.accession,
        "isoform": member.isoform,
        "feature": member.feature,
        **values,
    }


def _split(members: Iterable[DistinctMember], row: Callable[[DistinctMember], dict[str, Any]]) -> Resolved:
    """Return a row for each member, or the reason why it has none."""
    resolved, unresolved = [], []
    for member in members:
        try:
            resolved.append(row(member))
        except UnresolvedError as error:
            unresolved.append(
                {
                    "member": member.key,
                    "namespace": member.namespace,
                    "reason_code": error.code,
                    "reason": str(error),
                    "n_complexes": member.n_complexes,
                }
            )
    return Resolved(rows_to_table(SEQUENCES, resolved), rows_to_table(UNRESOLVED, unresolved))
