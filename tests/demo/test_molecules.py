import pickle
import threading

import numpy as np
import pytest

from foldcp.demo.molecules import STANDARD, build, folder
from foldcp.errors import InputError


def _load(cache, code):
    return pickle.loads((build(cache, [code]) / f"{code}.pkl").read_bytes())


def test_standard_residues_are_boltz_tokens_with_all_its_atoms(demo_cache):
    from boltz.data import const

    assert set(STANDARD) == set(const.tokens) - {"<pad>", "-"}
    for code in STANDARD:
        names = {atom.GetProp("name") for atom in _load(demo_cache, code).GetAtoms()}
        assert set(const.ref_atoms[code]) <= names, code


@pytest.mark.parametrize(("code", "atoms"), [("ATP", 31), ("HEM", 43), ("ZN", 1), ("SEP", 11), ("SF4", 8)])
def test_molecule_has_what_boltz_reads(demo_cache, code, atoms):
    molecule = _load(demo_cache, code)
    assert molecule.GetNumAtoms() == atoms
    assert np.isfinite(molecule.GetConformer().GetPositions()).all()
    for atom in molecule.GetAtoms():
        assert atom.GetAtomicNum() > 1
        assert atom.GetProp("leaving_atom") in ("0", "1")
        assert atom.GetProp("_CIPRank").isdigit()


def test_leaving_atoms_and_stereocentres_are_those_of_the_ccd(demo_cache):
    from rdkit import Chem

    serine = _load(demo_cache, "SEP")
    leaving = {a.GetProp("name") for a in serine.GetAtoms() if a.GetProp("leaving_atom") == "1"}
    assert leaving == {"OXT"}
    ((centre, label),) = Chem.FindMolChiralCenters(_load(demo_cache, "ALA"))
    assert (_load(demo_cache, "ALA").GetAtomWithIdx(centre).GetProp("name"), label) == ("CA", "S")


def test_unknown_code_is_said_so_and_leaves_nothing(demo_cache):
    with pytest.raises(InputError, match="no component 'QQQQQ'"):
        build(demo_cache, ["QQQQQ"])
    assert not (folder(demo_cache) / "QQQQQ.pkl").exists()


def test_building_again_touches_nothing(demo_cache):
    files = {p.name: p.stat().st_mtime_ns for p in build(demo_cache, ["ATP"]).iterdir()}
    assert {p.name: p.stat().st_mtime_ns for p in build(demo_cache, ["ATP"]).iterdir()} == files


def test_concurrent_builds_leave_whole_equal_files(demo_cache, tmp_path):
    threads = [threading.Thread(target=build, args=(tmp_path, ["GOL"])) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reference = build(demo_cache, ["GOL"])
    files = {p.name for p in folder(tmp_path).iterdir()}
    assert files == {f"{code}.pkl" for code in (*STANDARD, "GOL")}
    assert (folder(tmp_path) / "GOL.pkl").read_bytes() == (reference / "GOL.pkl").read_bytes()
