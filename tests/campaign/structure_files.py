"""Files of a made-up prediction: helices side by side, with an aligned error on request."""

import math
from pathlib import Path

import gemmi
import numpy as np
from campaign.score_tables import chain_name

# Cylindrical coordinates of an alpha helix: radius in Å, angle in degrees, height in Å.
_BACKBONE = {
    "N": ("N", 1.55, -27.7, -0.88),
    "CA": ("C", 2.29, 0.0, 0.0),
    "C": ("C", 1.66, 26.6, 1.16),
    "O": ("O", 2.05, 18.3, 2.38),
    "CB": ("C", 3.29, -18.0, -0.43),
}


def helix(name: str, length: int, number: int, columns: int) -> gemmi.Chain:
    """Return a chain of alanines; chains stand in a square lattice."""
    chain = gemmi.Chain(name)
    origin = (12.0 * (number % columns), 12.0 * (number // columns), 0.0)
    for k in range(length):
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.subchain = "ALA", gemmi.SeqId(str(k + 1)), name
        residue.label_seq, residue.entity_type, residue.entity_id = k + 1, gemmi.EntityType.Polymer, "1"
        for atom_name, (element, radius, angle, height) in _BACKBONE.items():
            turn = math.radians(100 * k + angle)
            atom = gemmi.Atom()
            atom.name, atom.element, atom.b_iso = atom_name, gemmi.Element(element), 95 - 60 * k / length
            atom.pos = gemmi.Position(
                origin[0] + radius * math.cos(turn), origin[1] + radius * math.sin(turn), 1.5 * k + height
            )
            residue.add_atom(atom)
        chain.add_residue(residue)
    return chain


def write_structure(path: Path, lengths: list[int]) -> None:
    structure = gemmi.Structure()
    model = gemmi.Model("1")
    columns = math.ceil(math.sqrt(len(lengths)))
    for number, length in enumerate(lengths):
        model.add_chain(helix(chain_name(number), length, number, columns))
    structure.add_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    structure.make_mmcif_document().write_file(str(path))


def write_prediction(predictions: Path, row: dict, pae: bool) -> None:
    """Write the structure of a row of SCORES_COMPLEXES, and its aligned error on request."""
    lengths = [row["n_tokens"] // row["n_chains"]] * row["n_chains"]
    path = predictions / row["structure"]
    write_structure(path, lengths)
    if pae:
        chain = np.repeat(np.arange(len(lengths)), lengths)
        apart = np.abs(chain[:, None] - chain[None, :]).astype("<f4")
        np.savez_compressed(path.parent / f"pae_{path.stem}.npz", pae=np.minimum(31.0, 2 + 9 * apart))
