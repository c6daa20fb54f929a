"""Files of one prediction, in Boltz's own layout, best sample first.

Boltz names samples by rank, so `model_0` is the one with the highest confidence score. Which sample (and so
which seed) that was is in the completion marker.
"""

import json
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from foldcp.predict.engine import Folded
from foldcp.predict.markers import MARKER
from foldcp.predict.matrix_file import archive
from foldcp.tables.files import make_folder


def ranks(folded: Folded) -> list[int]:
    """Return the rank of each sample, 0 = highest confidence score; the earlier sample wins a tie."""
    scores = [confidence["confidence_score"] for confidence in folded.confidence]
    best_first = sorted(range(len(scores)), key=lambda sample: (-scores[sample], sample))
    return [best_first.index(sample) for sample in range(len(scores))]


def write(folded: Folded, structure: Any, name: str, directory: Path, note: str | None) -> None:
    """Write all samples.

    Parameters
    ----------
    folded
        What the engine returned.
    structure
        The parsed `boltz.data.types.StructureV2` whose atoms the coordinates belong to.
    name
        Name of the prediction, part of every file name.
    directory
        Where to write.
    note
        A remark for the reader of the scores, added to the JSON as `foldcp_note`.
    """
    structure = structure.remove_invalid_chains()
    for sample, rank in enumerate(ranks(folded)):
        model = f"{name}_model_{rank}"
        confidence = folded.confidence[sample] | ({"foldcp_note": note} if note else {})
        mmcif = _mmcif(structure, folded.coordinates[sample], folded.plddt[sample])
        (directory / f"{model}.cif").write_text(mmcif)
        (directory / f"confidence_{model}.json").write_text(json.dumps(confidence, indent=4))
        np.savez_compressed(directory / f"plddt_{model}.npz", plddt=folded.plddt[sample])
        folded.interfaces[sample].save(directory / f"interfaces_{model}.npz")
        for kind, matrices in (("pae", folded.pae), ("pde", folded.pde)):
            if matrices is not None:
                archive(matrices[sample], directory / f"{kind}_{model}.npz", kind)
                matrices[sample].unlink()


def stage(directory: Path) -> Path:
    """Return an empty folder inside `directory` to write to, for :func:`publish` or :func:`discard`.

    Raises
    ------
    WriteError
        If it cannot be made.
    """
    staged = directory / ".partial"
    shutil.rmtree(staged, ignore_errors=True)
    make_folder(staged)
    return staged


def discard(staged: Path) -> None:
    """Remove a staged folder and what is in it, and its parent too if that is empty then."""
    shutil.rmtree(staged, ignore_errors=True)
    with suppress(OSError):  # a failed prediction leaves no empty folder
        staged.parent.rmdir()


def publish(staged: Path, directory: Path, name: str, source: Path) -> list[str]:
    """Move finished files into place, replacing an earlier prediction, and put the input beside them.

    The earlier marker goes first, so that a mixture of two predictions never counts as done.

    Returns
    -------
    list of str
        Names of the files, for the new marker.
    """
    (directory / MARKER).unlink(missing_ok=True)
    for old in _outputs(name, directory):
        old.unlink()
    files = sorted(path.name for path in staged.iterdir())
    for file in files:
        (staged / file).replace(directory / file)
    copy = directory / f"{name}{source.suffix.lower()}"
    if not (copy.exists() and copy.samefile(source)):
        shutil.copyfile(source, copy)
    return files


def scores_file(name: str) -> str:
    """Return the name of the file that keeps the scores of a prediction."""
    return f"scores_{name}.json"


def _outputs(name: str, directory: Path) -> list[Path]:
    stem = f"{name}_model_"
    starts = (stem, *(f"{kind}_{stem}" for kind in ("confidence", "plddt", "interfaces", "pae", "pde")))
    files = [path for path in directory.iterdir() if path.is_file()]
    return [path for path in files if path.name.startswith(starts) or path.name == scores_file(name)]


def _mmcif(structure: Any, coordinates: np.ndarray, plddt: np.ndarray) -> str:
    import torch
    from boltz.data.types import Coords, Interface
    from boltz.data.write.mmcif import to_mmcif

    atoms, residues = structure.atoms.copy(), structure.residues.copy()
    atoms["coords"] = coordinates
    atoms["is_present"] = True
    residues["is_present"] = True
    finished = replace(
        structure,
        atoms=atoms,
        residues=residues,
        interfaces=np.array([], dtype=Interface),
        coords=np.array([(xyz,) for xyz in coordinates], dtype=Coords),
    )
    return to_mmcif(finished, plddts=torch.from_numpy(plddt), boltz2=True)
