"""Small predictions in the layouts of AlphaFold 3, ColabFold and AlphaFold 2."""

import json
from pathlib import Path

import gemmi
import numpy as np
from scores.boltz_twin import ATOMS, DIMER, STANDARD, mmcif

MODEL = "alphafold2_multimer_v3_model_{}_seed_000"


def alphafold3_values(chains: list = DIMER, seed: int = 0) -> tuple[dict, dict]:
    """Full data and summary as AlphaFold 3 has them, for the structure that `mmcif(chains)` is."""
    rng = np.random.default_rng(seed)
    tokens = [
        (chain, number)
        for chain, kind, names in chains
        for number, name in enumerate(names, 1)
        for _ in (ATOMS[name] if kind == "ligand" or name not in STANDARD else [0])
    ]
    n_atoms = sum(len(ATOMS[name]) for _, _, names in chains for name in names)
    full = {
        "atom_plddts": rng.uniform(20, 99, n_atoms).round(2).tolist(),
        "pae": rng.uniform(0.3, 30, (len(tokens),) * 2).round(1).tolist(),
        "token_chain_ids": [chain for chain, _ in tokens],
        "token_res_ids": [number for _, number in tokens],
    }
    size = len(chains)
    pairs = rng.random((size, size)).round(2)
    summary = {
        "chain_pair_iptm": (np.minimum(pairs, pairs.T)).tolist(),
        "chain_ptm": rng.random(size).round(2).tolist(),
        "has_clash": 0.0,
        "iptm": 0.71 if size > 1 else None,
        "ptm": 0.83,
        "ranking_score": 0.74,
    }
    return full, summary


def write_server(
    folder: Path, job: str = "fold_x", cif: str | None = None, values=None, sample: int = 0
) -> Path:
    full, summary = values or alphafold3_values()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{job}_model_{sample}.cif").write_text(cif or mmcif(DIMER))
    (folder / f"{job}_full_data_{sample}.json").write_text(json.dumps(full))
    (folder / f"{job}_summary_confidences_{sample}.json").write_text(json.dumps(summary))
    return folder


def write_local(
    folder: Path, cif: str | None = None, values=None, samples: int = 2, named: bool = True
) -> Path:
    """Folder of the local program: the best sample at the top, each one in a folder of its own."""
    full, summary = values or alphafold3_values()
    names = [f"seed-7_sample-{k}" for k in range(samples)]
    for place in ["", *names]:
        prefix = "_".join(filter(None, [folder.name, place])) + "_" if named or not place else ""
        (folder / place).mkdir(parents=True, exist_ok=True)
        (folder / place / f"{prefix}model.cif").write_text(cif or mmcif(DIMER))
        (folder / place / f"{prefix}confidences.json").write_text(json.dumps(full))
        (folder / place / f"{prefix}summary_confidences.json").write_text(json.dumps(summary))
    (folder / f"{folder.name}_data.json").write_text("{}")
    return folder


def structure_of(cif: str) -> gemmi.Structure:
    structure = gemmi.make_structure_from_block(gemmi.cif.read_string(cif)[0])
    structure.setup_entities()
    return structure


def colabfold_values(n: int, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    pae = rng.uniform(0.3, 30, (n, n)).round(2)
    return {
        "plddt": rng.uniform(20, 99, n).round(2).tolist(),
        "max_pae": pae.max(),
        "pae": pae.tolist(),
        "ptm": 0.8,
        "iptm": 0.7,
    }


def write_colabfold(
    folder: Path, query: str = "x", structure=None, values=None, rank: int = 1, relaxed: bool = False
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    structure = structure or structure_of(mmcif(DIMER))
    model = f"rank_{rank:03}_{MODEL.format(rank)}"
    kinds = ["unrelaxed", "relaxed"] if relaxed else ["unrelaxed"]
    for kind in kinds:
        (folder / f"{query}_{kind}_{model}.pdb").write_text(structure.make_pdb_string())
    (folder / f"{query}_scores_{model}.json").write_text(json.dumps(values or colabfold_values(5)))
    (folder / f"{query}_predicted_aligned_error_v1.json").write_text("{}")
    (folder / f"{query}.done.txt").touch()
    return folder


def write_alphafold2(folder: Path, structure=None, pae=None, by: str = "iptm+ptm", models: int = 2) -> Path:
    """AlphaFold-Multimer's own folder; B factors of the structure are pLDDT."""
    folder.mkdir(parents=True, exist_ok=True)
    structure = structure or structure_of(mmcif(DIMER))
    pae = pae if pae is not None else colabfold_values(5)["pae"]
    order = [f"model_{5 - k}_multimer_v3_pred_0" for k in range(models)]
    scale = 100 if by == "plddts" else 1
    ranking = {by: {name: scale * (0.9 - k / 10) for k, name in enumerate(order)}, "order": order}
    (folder / "ranking_debug.json").write_text(json.dumps(ranking))
    for k, name in enumerate(order):
        (folder / f"ranked_{k}.pdb").write_text(structure.make_pdb_string())
        said = [{"predicted_aligned_error": pae, "max_predicted_aligned_error": 31.75}]
        (folder / f"pae_{name}.json").write_text(json.dumps(said))
        # Whoever opens it runs what it says: this one would fail loudly.
        (folder / f"result_{name}.pkl").write_bytes(b"cbuiltins\nexit\n(I7\ntR.")
    return folder
