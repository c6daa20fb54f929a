"""Structures in the page: what is kept of them, and that a turn is no mirror image."""

import gemmi
import numpy as np
import pytest
from campaign.structure_files import write_structure

from foldcp.campaign.page import structures
from foldcp.campaign.page.structures import view_of
from foldcp.errors import InputError


def _read(view):
    block = gemmi.cif.read_string(view.mmcif).sole_block()
    columns = [
        "label_atom_id",
        "label_asym_id",
        "label_seq_id",
        "Cartn_x",
        "Cartn_y",
        "Cartn_z",
        "B_iso_or_equiv",
    ]
    return [[gemmi.cif.as_string(word) for word in row] for row in block.find("_atom_site.", columns)]


def _positions(path, names):
    model = gemmi.read_structure(str(path))[0]
    return np.array(
        [a.pos.tolist() for chain in model for residue in chain for a in residue if a.name in names]
    )


def test_a_backbone_keeps_four_atoms_of_a_residue_and_their_plddt(tmp_path):
    write_structure(tmp_path / "x.cif", [20, 30])
    view = view_of(tmp_path / "x.cif")
    rows = _read(view)
    assert view.kind == "backbone"
    assert view.n_atoms == len(rows) == 4 * 50
    assert {row[0] for row in rows} == {"N", "CA", "C", "O"}
    assert [row[1] for row in rows].count("B") == 4 * 30
    assert rows[0][-1] == "95"


def test_it_is_turned_and_not_mirrored(tmp_path):
    write_structure(tmp_path / "x.cif", [40])
    got = np.array([row[3:6] for row in _read(view_of(tmp_path / "x.cif"))], dtype=float)
    given = _positions(tmp_path / "x.cif", {"N", "CA", "C", "O"})
    apart = [np.linalg.norm(x[:, None] - x[None], axis=-1) for x in (got, given)]
    assert np.abs(apart[0] - apart[1]).max() < 0.03
    handedness = [np.sign(np.linalg.det(x[4:7] - x[12])) for x in (got, given)]
    assert handedness[0] == handedness[1] != 0
    # The longest axis lies across the picture, the shortest points at the reader.
    assert got[:, 0].std() > 5 * got[:, 1].std() >= 5 * got[:, 2].std()


def test_a_large_complex_is_a_trace(tmp_path, monkeypatch):
    monkeypatch.setattr(structures, "WHOLE_BACKBONE", 100)
    write_structure(tmp_path / "x.cif", [20, 30])
    view = view_of(tmp_path / "x.cif")
    assert (view.kind, view.n_atoms) == ("trace", 50)
    assert {row[0] for row in _read(view)} == {"CA"}


def test_a_heap_of_residues_is_points(tmp_path):
    write_structure(tmp_path / "x.cif", [20, 30])
    structure = gemmi.read_structure(str(tmp_path / "x.cif"))
    for chain in structure[0]:
        for residue in chain:
            for atom in residue:
                atom.pos = gemmi.Position(*(0.1 * x for x in atom.pos.tolist()))
    structure.make_mmcif_document().write_file(str(tmp_path / "x.cif"))
    view = view_of(tmp_path / "x.cif")
    assert (view.kind, view.n_atoms) == ("points", 50)


def test_ligands_are_whole_and_nucleotides_have_a_backbone(tmp_path):
    structure = gemmi.Structure()
    model = gemmi.Model("1")
    for chain_name, residue_name, atoms in (
        ("A", "HEM", ["FE", "NA", "CHA"]),
        ("B", "CA", ["CA"]),
        ("C", "DA", ["P", "O5'", "C5'", "C4'", "C3'", "O3'", "C2'", "C1'", "N9", "N1"]),
    ):
        chain, residue = gemmi.Chain(chain_name), gemmi.Residue()
        residue.name, residue.seqid = residue_name, gemmi.SeqId("1")
        for number, name in enumerate(atoms):
            atom = gemmi.Atom()
            atom.name, atom.element = name, gemmi.Element("Ca" if residue_name == "CA" else name[0])
            atom.pos = gemmi.Position(number, number**2, 0)
            residue.add_atom(atom)
        chain.add_residue(residue)
        model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    structure.make_mmcif_document().write_file(str(tmp_path / "x.cif"))
    kept = [(row[1], row[0]) for row in _read(view_of(tmp_path / "x.cif"))]
    assert [name for chain, name in kept if chain == "A"] == ["FE", "NA", "CHA"]
    assert [name for chain, name in kept if chain == "B"] == ["CA"]
    nucleotide = [name for chain, name in kept if chain == "C"]
    assert "P" in nucleotide and "O3'" in nucleotide and "C1'" not in nucleotide


def test_the_published_prediction_of_boltz_is_viewed(shared_data):
    path = shared_data / "predictions/boltz1_pdl1_binder/predictions/pdl1_binder/pdl1_binder_model_0.cif"
    view = view_of(path)
    residues = sum(len(chain) for chain in gemmi.read_structure(str(path))[0])
    assert (view.kind, view.n_atoms) == ("backbone", 4 * residues)


@pytest.mark.parametrize("text", [None, "", "data_x\n", "not a cif"])
def test_a_file_that_is_no_structure_is_named(tmp_path, text):
    if text is not None:
        (tmp_path / "x.cif").write_text(text)
    with pytest.raises(InputError, match=r"x\.cif"):
        view_of(tmp_path / "x.cif")
