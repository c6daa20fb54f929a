"""Parsing of one input with Boltz's own functions, into the structures that its tokenizer takes.

Boltz's command line does the same through files and skips, with a printed traceback, whatever fails. Here
only the proteins of templates go through files, and a failure is an `InputError` that says what Boltz could
not do.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foldcp.config.alignments import MOST_ROWS
from foldcp.errors import InputError
from foldcp.features.boltz import boltz_at_work
from foldcp.predict.document import Document
from foldcp.predict.seeds import seeded_conformers
from foldcp.predict.template_files import read_template, with_proteins_only


def component_codes(document: Document) -> set[str]:
    """Return the CCD codes that parsing the input needs, those of its templates included.

    Raises
    ------
    InputError
        If a template cannot be read.
    """
    codes = document.codes()
    for path in document.templates("cif"):
        # Boltz takes selenomethionine for methionine.
        codes |= read_template(path).codes - {"MSE"}
    for path in document.templates("pdb"):
        codes |= _residues(path) - {"HOH", "DOD"}
    return codes


def _residues(path: Path) -> set[str]:
    import gemmi

    try:
        structure = gemmi.read_structure(str(path))
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"template {path.name} cannot be read: {error}") from None
    return {residue.name for model in structure for chain in model for residue in chain}


def parse(document: Document, name: str, molecules: Path, canonicals: dict[str, Any], seed: int) -> Any:
    """Parse an input.

    Parameters
    ----------
    document
        The checked input.
    name
        Name of the record.
    molecules
        Folder of molecules that holds all codes the input needs.
    canonicals
        Loaded molecules of the standard amino acids.
    seed
        Seed of the conformers of SMILES ligands.

    Returns
    -------
    boltz.data.types.Input
        Structure, alignments, record, constraints, templates and extra molecules.

    Raises
    ------
    InputError
        If Boltz cannot read the input.
    """
    from boltz.data.parse.schema import parse_boltz_schema
    from boltz.data.types import Input

    _check_smiles(document)
    with (
        boltz_at_work("read this input"),
        seeded_conformers(seed),
        ordered_templates(),
        tempfile.TemporaryDirectory() as scratch,
    ):
        # Copies, because Boltz writes into what it is given.
        schema, known = with_proteins_only(document.schema, Path(scratch)), dict(canonicals)
        target = parse_boltz_schema(name, schema, known, molecules, True)
    return Input(
        structure=target.structure,
        msa=_alignments(target.record),
        record=target.record,
        residue_constraints=target.residue_constraints,
        templates=target.templates if target.record.templates else None,
        extra_mols=target.extra_mols,
    )


def _check_smiles(document: Document) -> None:
    from rdkit import Chem, rdBase

    for item in document.schema["sequences"]:
        smiles = item.get("ligand", {}).get("smiles")
        with rdBase.BlockLogs():
            if smiles is not None and Chem.MolFromSmiles(smiles) is None:
                raise InputError(f"{document.path.name}: {smiles!r} is not a valid SMILES")


@contextlib.contextmanager
def ordered_templates() -> Iterator[None]:
    """Let Boltz match chains to templates in sorted order.

    It does so in the order of a Python set, which differs from process to process; the match, and with it the
    structure, would differ where copies of a chain fit equally well.
    """
    from boltz.data.parse import schema

    original = schema.get_template_records_from_search

    def ordered(*, chain_ids: list[str], template_chain_ids: list[str], **others: Any) -> Any:
        return original(chain_ids=sorted(chain_ids), template_chain_ids=sorted(template_chain_ids), **others)

    schema.get_template_records_from_search = ordered
    try:
        yield
    finally:
        schema.get_template_records_from_search = original


def _alignments(record: Any) -> dict[int, Any]:
    """Return chain index to alignment. Boltz puts the path of the file, or -1 for none, where its id goes."""
    loaded: dict[str, Any] = {}
    alignments: dict[int, Any] = {}
    for chain in record.chains:
        if chain.msa_id == -1:
            continue
        if chain.msa_id not in loaded:
            loaded[chain.msa_id] = _read_alignment(Path(chain.msa_id))
        alignments[chain.chain_id] = loaded[chain.msa_id]
        _check_width(loaded[chain.msa_id], Path(chain.msa_id), chain)
    return alignments


def _read_alignment(path: Path) -> Any:
    from boltz.data.parse.a3m import parse_a3m
    from boltz.data.parse.csv import parse_csv

    with boltz_at_work(f"read the alignment {path.name}"):
        if path.suffix == ".csv":
            alignment = parse_csv(path, max_seqs=MOST_ROWS)
        else:
            alignment = parse_a3m(path, taxonomy=None, max_seqs=MOST_ROWS)
    if not len(alignment.sequences):
        raise InputError(f"alignment {path.name} has no sequence")
    return alignment


def _check_width(alignment: Any, path: Path, chain: Any) -> None:
    # Boltz pairs columns with residues by position, and would silently shift a row that is too short.
    widths = alignment.sequences["res_end"] - alignment.sequences["res_start"]
    for row in (widths != chain.num_residues).nonzero()[0][:1]:
        raise InputError(
            f"alignment {path.name}: row {row + 1} has {widths[row]} columns, "
            f"but chain {chain.chain_name} has {chain.num_residues} residues"
        )
