"""Interface scores of whole predictions: any mesh gives the same, and so do the files it writes."""

import dataclasses

import gemmi
import numpy as np
import pytest

from foldcp.predict.session import Session
from foldcp.predict.targets import from_file
from foldcp.scores.aligned_error import ErrorArray, ErrorFile, interface_errors
from foldcp.scores.interface_errors import InterfaceErrors
from foldcp.scores.tokens import ScoredTokens

pytestmark = pytest.mark.model

INPUT = """
version: 1
sequences:
  - protein:
      id: [A, B]
      sequence: MKTAYIAKQRQGSHCDWLNPEFVTRKGAVLIDESGNWYHMPQTCKRE
      msa: empty
      modifications: [{position: 3, ccd: TPO}, {position: 7, ccd: MSE}]
  - protein: {id: P, sequence: G, msa: empty}
  - rna: {id: R, sequence: GCAUGCAUGCAU}
  - ligand: {id: L, ccd: ATP}
  - ligand: {id: Z, ccd: ZN}
"""
STEPS = 20
"""Fewer leave the atoms of the demo model so far apart that nothing is in contact."""
KINDS = ("protein", "protein", "protein", "rna", "ligand", "ligand")


@pytest.fixture(scope="module")
def predicted(settings, tmp_path_factory):
    """Return the folder of a prediction on a mesh, with or without error matrices; each is made once."""
    folder = tmp_path_factory.mktemp("interfaces")
    (folder / "x.yaml").write_text(INPUT)
    target, made = from_file(folder / "x.yaml"), {}

    def predicted(mesh, pae=True):
        place = folder / f"{mesh}{pae}"
        if place not in made:
            chosen = dataclasses.replace(settings, mesh=mesh, pae=pae, recycles=1, steps=STEPS)
            session = Session(chosen)
            session.predict(target, place)
            session.close()
            made[place] = place / "x"
        return made[place]

    return predicted


def scores(folder, sample):
    return InterfaceErrors.load(folder / f"interfaces_x_model_{sample}.npz")


def tokens_of(path):
    """Return the tokens of a structure as Boltz-2 counts them, read from the file alone."""
    found = []
    for number, chain in enumerate(gemmi.read_structure(str(path))[0]):
        for residue in chain:
            if KINDS[number] == "ligand":
                found += [(number, False, atom.pos) for atom in residue]
            else:
                name = next(name for name in ("CB", "CA", "C3'") if name in residue)
                found.append((number, True, residue[name][0].pos))
    chain, counted, contact = zip(*found, strict=True)
    contact = np.array([position.tolist() for position in contact])
    return ScoredTokens(np.array(chain), KINDS, np.array(counted), contact, np.zeros(len(chain)))


def differences(one, other):
    found = {}
    for name, a in vars(one).items():
        b = getattr(other, name)
        assert a.shape == b.shape == (len(KINDS),) * 2
        same_nan = np.array_equal(np.isnan(a), np.isnan(b))
        found[name] = np.nanmax(np.abs(a - b), initial=0) if same_nan else np.inf
    return found


def test_the_case_has_interfaces(predicted):
    found = scores(predicted((1, 1)), 0)
    polymers = np.array([kind != "ligand" for kind in KINDS])
    defined = polymers[:, None] & polymers & ~np.eye(len(KINDS), dtype=bool)
    assert np.array_equal(~np.isnan(found.ipsae), defined)
    assert found.n0chn[0, 1] == 94 and found.n0chn[0, 2] == 48 and found.n0chn[3, 0] == 59
    assert found.d0chn[0, 1] > 3 and found.d0chn[0, 3] > 2 == found.d0chn[3, 2]
    for name in ("ipsae", "lia", "nres_a", "dist_a", "contact_tm", "clis"):
        assert np.nanmax(getattr(found, name)) > 0, name


def test_four_ranks_say_what_one_says(predicted):
    one, four = predicted((1, 1)), predicted((2, 2))
    for sample in range(2):
        assert max(differences(scores(one, sample), scores(four, sample)).values()) < 1e-4
    assert max(differences(scores(one, 0), scores(one, 1)).values()) > 1e-3


@pytest.mark.parametrize("mesh", [(1, 1), (2, 2)], ids=str)
def test_the_written_files_say_the_same(predicted, mesh):
    folder = predicted(mesh)
    for sample in range(2):
        tokens = tokens_of(folder / f"x_model_{sample}.cif")
        errors = ErrorFile(folder / f"pae_x_model_{sample}.npz")
        assert max(differences(interface_errors(errors, tokens), scores(folder, sample)).values()) < 1e-4


def test_another_reading_of_the_files_is_noticed(predicted):
    """Twin: the wrong direction of the errors, or positions of the next residue."""
    folder = predicted((1, 1))
    tokens, given = tokens_of(folder / "x_model_0.cif"), scores(folder, 0)
    errors = ErrorFile(folder / "pae_x_model_0.npz")
    with np.load(folder / "pae_x_model_0.npz") as arrays:
        turned = interface_errors(ErrorArray(arrays["pae"].T, "turned"), tokens)
    assert differences(turned, given)["ipsae"] > 1e-3
    moved = dataclasses.replace(tokens, contact=np.roll(tokens.contact, 1, axis=0))
    assert differences(interface_errors(errors, moved), given)["pae_contacts"] > 1e-3


def test_they_need_no_error_matrix(predicted):
    folder, whole = predicted((1, 1), pae=False), predicted((1, 1))
    names = {path.name for path in folder.iterdir()}
    assert not [name for name in names if name.startswith(("pae", "pde"))]
    assert {f"interfaces_x_model_{sample}.npz" for sample in range(2)} <= names
    for sample in range(2):
        assert set(differences(scores(folder, sample), scores(whole, sample)).values()) == {0}
