"""Reader of the folder that AlphaFold 2 (AlphaFold-Multimer) itself writes for one prediction.

It holds::

    ranking_debug.json       models in the order of their rank, and what they were ranked by
    ranked_<k>.pdb           their structures; B factors are pLDDT, 0 to 100
    pae_<model>.json         aligned error, in versions that write it: a list with one dict

pTM and ipTM of their own are only in `result_<model>.pkl`. A pickle runs whatever code its author put into
it, so it is never opened: these two scores stay empty, and `ranking_score` is 0.8 ipTM + 0.2 pTM.
`confidence_<model>.json` repeats the B factors and is not read.
"""

from pathlib import Path
from typing import Any

from foldcp.errors import InputError
from foldcp.scores.readers import files
from foldcp.scores.readers.structure import chains, layout, read_structure, scored_tokens
from foldcp.scores.sample import Sample

RANKING = "ranking_debug.json"
_RANKED_BY = {"iptm+ptm": 1, "plddts": 100}
"""What models are ranked by (complexes, single chains), and what a perfect one has."""


def read(directory: Path) -> list[Sample]:
    """Read all samples, best first.

    Raises
    ------
    InputError
        Naming the file and what is wrong with it.
    """
    path = directory / RANKING
    ranking = files.read_keys(path)
    by = next((key for key in _RANKED_BY if key in ranking), None)
    order = ranking.get("order")
    if by is None or not isinstance(order, list) or not isinstance(ranking[by], dict):
        raise InputError(
            f"{path}: expected keys 'order' and one of {list(_RANKED_BY)}, got {sorted(ranking)}"
        )
    return [
        _read_sample(directory, k, model, files.number(path, ranking[by], model, f"{by} ") / _RANKED_BY[by])
        for k, model in enumerate(order)
    ]


def _read_sample(directory: Path, number: int, model: str, ranking_score: float) -> Sample:
    structure = read_structure(directory / f"ranked_{number}.pdb")
    laid = layout(structure, atoms_of_modified=False)
    plddt = files.checked_plddt(structure.path, structure.b_factor[laid.atom], 100)
    tokens = scored_tokens(structure, laid, plddt)
    pae = directory / f"pae_{model}.json"
    one = len(structure.names) == 1
    return Sample(
        number=number,
        program="alphafold2",
        chains=chains(structure, laid),
        scores={"iptm": 0.0 if one else None, "complex_plddt": float(plddt.mean())},
        ranking_score=ranking_score,
        chain_ptm=None,
        chain_pair_iptm=None,
        tokens=tokens,
        atoms=structure.atoms,
        structure=Path(structure.path.name),
        errors=files.errors_of_lists(pae, _pae(pae), tokens) if pae.is_file() else None,
    )


def _pae(path: Path) -> Any:
    values = files.read_json(path)
    if isinstance(values, list) and len(values) == 1:
        values = values[0]
    if not isinstance(values, dict) or "predicted_aligned_error" not in values:
        raise InputError(f"{path}: expected one set of keys with 'predicted_aligned_error'")
    return values["predicted_aligned_error"]
