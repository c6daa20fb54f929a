import dataclasses
import json

import gemmi
import numpy as np
import pytest
import torch

from foldcp.predict.engine import Folded
from foldcp.predict.matrix_file import MatrixFile
from foldcp.predict.writer import publish, ranks, write
from foldcp.scores.interface_errors import InterfaceErrors

SCORES = ["ptm", "iptm", "ligand_iptm", "protein_iptm", "complex_plddt"]
SCORES += ["complex_iplddt", "complex_pde", "complex_ipde"]


def _folded(features, scores, spool) -> Folded:
    generator = np.random.default_rng(1)
    n_atoms, n_tokens = int(features.atoms.mask.sum()), features.n_tokens
    chains = range(len(features.chains))
    pairs = {a: {b: 0.1 * a + b for b in chains} for a in chains}
    return Folded(
        coordinates=generator.normal(size=(len(scores), n_atoms, 3)).astype(np.float32) * 20,
        confidence=[
            {"confidence_score": score}
            | dict.fromkeys(SCORES, 0.5)
            | {"chains_ptm": {a: pairs[a][a] for a in pairs}, "pair_chains_iptm": pairs}
            for score in scores
        ],
        plddt=generator.random((len(scores), n_tokens)).astype(np.float32),
        interfaces=[_interfaces(generator, len(chains)) for _ in scores],
        pae=[_matrix(spool / f"pae_{sample}.npy", generator, n_tokens) for sample in range(len(scores))],
    )


def _interfaces(generator, n_chains):
    names = [field.name for field in dataclasses.fields(InterfaceErrors)]
    return InterfaceErrors(**{name: generator.random((n_chains, n_chains)) for name in names})


def _matrix(path, generator, n):
    """Write a matrix block of rows by block of rows, of unequal heights."""
    file = MatrixFile(path, n)
    for rows in np.array_split(generator.random((n, n)).astype(np.float32), 3):
        file.append(rows)
    file.close()
    return path


def test_the_best_sample_comes_first_and_ties_keep_their_order():
    folded = Folded(np.zeros(0), [{"confidence_score": s} for s in (0.2, 0.9, 0.2, 0.5)], np.zeros(0), [])
    assert ranks(folded) == [2, 0, 3, 1]


def test_files_are_byte_for_byte_those_of_boltz_own_writer(prepared, tmp_path):
    from boltz.data.write.writer import BoltzWriter

    _, parsed, features = prepared
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    folded = _folded(features, [0.25, 0.75], ours)
    errors = torch.from_numpy(np.stack([np.load(path) for path in folded.pae]))
    write(folded, parsed.structure, "mixed", ours, None)

    (tmp_path / "structures").mkdir()
    parsed.structure.dump(tmp_path / "structures" / "mixed.npz")
    mask = features.atoms.mask[None]
    padded = torch.zeros(2, mask.shape[1], 3)
    padded[:, mask[0].bool()] = torch.from_numpy(folded.coordinates)
    prediction = {"exception": False, "coords": padded, "masks": mask}
    prediction |= {"plddt": torch.from_numpy(folded.plddt), "pae": errors}
    # Doubles, so that both sides print the same digits.
    for name in ("confidence_score", *SCORES):
        values = [confidence[name] for confidence in folded.confidence]
        prediction[name] = torch.tensor(values, dtype=torch.float64)
    pairs = folded.confidence[0]["pair_chains_iptm"]
    prediction["pair_chains_iptm"] = {
        a: {b: torch.tensor([v, v], dtype=torch.float64) for b, v in row.items()} for a, row in pairs.items()
    }
    writer = BoltzWriter(str(tmp_path / "structures"), str(theirs), boltz2=True)
    writer.write_on_batch_end(None, None, prediction, [0], {"record": [parsed.record]}, 0, 0)

    expected = {p.name: p for p in (theirs / "mixed").iterdir()}
    own = set(ours.glob("interfaces_*"))
    assert {p.name for p in own} == {f"interfaces_mixed_model_{rank}.npz" for rank in range(2)}
    assert {p.name for p in set(ours.iterdir()) - own} == set(expected)
    for path in set(ours.iterdir()) - own:
        if path.suffix == ".npz":  # zip archives carry the time of writing
            (name,) = np.load(path).files
            assert np.array_equal(np.load(path)[name], np.load(expected[path.name])[name])
        else:
            assert path.read_bytes() == expected[path.name].read_bytes(), path.name


def test_structure_has_all_chains_and_plddt_as_b_factor(prepared, tmp_path):
    _, parsed, features = prepared
    folded = _folded(features, [0.5], tmp_path)
    write(folded, parsed.structure, "x", tmp_path, None)
    model = gemmi.read_structure(str(tmp_path / "x_model_0.cif"))[0]
    assert [chain.name for chain in model] == ["A", "B", "R", "D", "L", "S", "Z"]
    atom = model["A"][0][0]
    assert atom.b_iso == pytest.approx(100 * folded.plddt[0, 0], abs=0.01)
    assert [atom.pos.x, atom.pos.y, atom.pos.z] == pytest.approx(folded.coordinates[0, 0], abs=1e-3)


def test_a_note_goes_into_the_scores(prepared, tmp_path):
    _, parsed, features = prepared
    write(_folded(features, [0.5], tmp_path), parsed.structure, "x", tmp_path, "means nothing")
    assert json.loads((tmp_path / "confidence_x_model_0.json").read_text())["foldcp_note"] == "means nothing"


def test_interface_scores_go_with_their_sample(prepared, tmp_path):
    _, parsed, features = prepared
    folded = _folded(features, [0.25, 0.75], tmp_path)
    write(folded, parsed.structure, "x", tmp_path, None)
    for rank, sample in ((0, 1), (1, 0)):
        written = InterfaceErrors.load(tmp_path / f"interfaces_x_model_{rank}.npz")
        for field in dataclasses.fields(InterfaceErrors):
            expected = getattr(folded.interfaces[sample], field.name)
            assert np.array_equal(getattr(written, field.name), expected)


def test_a_new_prediction_replaces_every_file_of_the_old_one(prepared, small, tmp_path):
    _, parsed, features = prepared
    for name, scores in (("old", [0.25, 0.75]), ("new", [0.5])):
        (tmp_path / name).mkdir()
        folded = _folded(features, scores, tmp_path / name)
        write(folded, parsed.structure, "x", tmp_path / name, None)
    (tmp_path / "x").mkdir()
    publish(tmp_path / "old", tmp_path / "x", "x", small)
    files = publish(tmp_path / "new", tmp_path / "x", "x", small)
    assert {path.name for path in (tmp_path / "x").iterdir()} == {*files, "x.yaml"}
    assert "interfaces_x_model_0.npz" in files
