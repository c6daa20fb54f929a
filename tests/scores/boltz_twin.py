"""Hand-made prediction directories in Boltz's layout: small, and as wrong as a test wants them."""

import json
from pathlib import Path

import numpy as np

from foldcp.predict.markers import write_marker

ATOMS = {
    "ALA": ["N", "CA", "C", "O", "CB"],
    "GLY": ["N", "CA", "C", "O"],
    "SEP": ["N", "CA", "C", "O", "CB", "P"],
}
ATOMS |= {"A": ["P", "C1'", "N9"], "DG": ["P", "C1'"], "ATP": ["PG", "O1G", "C1'", "N9"]}
POLYMERS = {"protein": "polypeptide(L)", "rna": "polyribonucleotide", "dna": "polydeoxyribonucleotide"}
STANDARD = {"ALA", "GLY", "A", "DG"}
ATOM_COLUMNS = ["group_PDB", "id", "label_alt_id", "label_entity_id", "label_asym_id", "auth_asym_id"]
ATOM_COLUMNS += ["label_comp_id", "label_seq_id", "auth_seq_id", "label_atom_id", "type_symbol"]
ATOM_COLUMNS += ["Cartn_x", "Cartn_y", "Cartn_z", "occupancy", "B_iso_or_equiv", "pdbx_PDB_model_num"]

# Chain name, entity type, residues.
DIMER = [("A", "protein", ["ALA", "GLY", "ALA"]), ("B", "protein", ["GLY", "GLY"])]
MIXED = [
    ("A", "protein", ["ALA", "SEP", "GLY"]),
    ("B", "rna", ["A", "A"]),
    ("C", "dna", ["DG"] * 3),
    ("D", "ligand", ["ATP"]),
    ("E", "protein", ["GLY"]),
    ("F", "ligand", ["ALA"]),
    ("G", "rna", ["A"]),
]


def n_tokens(chains: list, boltz: int) -> int:
    def of(kind: str, name: str) -> int:
        return len(ATOMS[name]) if kind == "ligand" or (boltz == 1 and name not in STANDARD) else 1

    return sum(of(kind, name) for _, kind, names in chains for name in names)


def mmcif(chains: list) -> str:
    entities, polymers, asyms, atoms = [], [], [], []
    for number, (chain, kind, names) in enumerate(chains, 1):
        polymer = kind != "ligand" and len(names) > 1  # as Boltz's writer has it
        entities.append(f"{number} {'polymer' if polymer else 'non-polymer'}")
        polymers += [f"{number} '{POLYMERS[kind]}'"] if polymer else []
        asyms.append(f"{chain} {number}")
        for seq_id, name in enumerate(names, 1):
            group = "HETATM" if kind == "ligand" else "ATOM"
            atoms += [
                f'{group} 1 . {number} {chain} {chain} {name} {seq_id} {seq_id} "{atom}" C 1.0 2.0 3.0 1 50 1'
                for atom in ATOMS[name]
            ]
    return "data_model\n" + "".join(
        _loop(category, names, rows)
        for category, names, rows in [
            ("entity", ["id", "type"], entities),
            ("entity_poly", ["entity_id", "type"], polymers),
            ("struct_asym", ["id", "entity_id"], asyms),
            ("atom_site", ATOM_COLUMNS, atoms),
        ]
        if rows
    )


def _loop(category: str, names: list, rows: list) -> str:
    return "\n".join(["loop_", *(f"_{category}.{name}" for name in names), *rows, "#", ""])


def confidence(chains: list, score: float = 0.8) -> dict:
    indices = range(len(chains))
    return {
        "confidence_score": score,
        "ptm": 0.7,
        "iptm": 0.6,
        "ligand_iptm": 0.0,
        "protein_iptm": 0.6,
        "complex_plddt": 0.85,
        "complex_iplddt": 0.75,
        "complex_pde": 0.5,
        "complex_ipde": 1.5,
        "chains_ptm": {str(a): 0.9 - a / 10 for a in indices},
        "pair_chains_iptm": {str(a): {str(b): (a * 10 + b) / 100 for b in indices} for a in indices},
    }


def write_prediction(
    directory: Path,
    chains: list = DIMER,
    scores: tuple = (0.8,),
    note: str | None = None,
    boltz: int = 2,
    **facts: object,
) -> Path:
    """Write one sample for each confidence score; with `facts`, also foldcp's completion marker."""
    directory.mkdir(parents=True)
    for number, score in enumerate(scores):
        stem = f"{directory.name}_model_{number}"
        values = confidence(chains, score) | ({"foldcp_note": note} if note else {})
        plddt = np.linspace(0.4, 0.9, n_tokens(chains, boltz), dtype=np.float32)
        (directory / f"{stem}.cif").write_text(mmcif(chains))
        (directory / f"confidence_{stem}.json").write_text(json.dumps(values))
        np.savez_compressed(directory / f"plddt_{stem}.npz", plddt=plddt)
    if facts:
        write_marker(directory, "key", [p.name for p in directory.iterdir()], facts)
    return directory
