"""Where in the cell a complex is, as far as its table says: from annotations to a few compartments.

Terms of a database are mapped to the compartment they belong to, because two complexes that meet rarely share
the very term. GO: the compartments, their membranes and lumina, as tables of complexes use them
(http://geneontology.org, cellular component). FunCat: the subcategories of 70, subcellular localisation
(Ruepp et al. 2004). A term of the scheme `localisation` is a compartment by itself.
"""

from collections.abc import Iterable, Mapping

_GO = {
    "nucleus": "0005634 0005654 0005730 0000785 0000228 0000794 0000781 0005637 0031309",
    "cytoplasm": "0005737 0005829 0022625 0022627 0048471",
    "mitochondrion": (
        "0005739 0005743 0005741 0005758 0005759 0042645 0031305 0031304 0031307 "
        "0032592 0044284 0005762 0005763 0005749 0005750 0005751 0098800"
    ),
    "endoplasmic reticulum": "0005783 0005788 0005789 0030176 0030867 0042406 0071458",
    "golgi": "0005794 0000139 0030173 0033106 0005798 0090498",
    "plasma membrane": "0005886 0005887",
    "endosome": "0005768 0010008 0010009 0005770 0031303 0031901",
    "vacuole": "0005764 0005765 0000324 0000329 0071627 0031166",
    "peroxisome": "0005777 0005778 0005779",
    "cytoskeleton": "0005856 0015629 0005813",
    "outside": "0005576 0005615",
    "chloroplast": "0009507",
}
_FUNCAT = {
    "70.02": "plasma membrane",
    "70.03": "cytoplasm",
    "70.04": "cytoskeleton",
    "70.05": "cytoskeleton",
    "70.07": "endoplasmic reticulum",
    "70.08": "golgi",
    "70.10": "nucleus",
    "70.16": "mitochondrion",
    "70.19": "peroxisome",
    "70.22": "endosome",
    "70.25": "vacuole",
    "70.27": "outside",
}
_OF_GO = {f"GO:{number}": name for name, numbers in _GO.items() for number in numbers.split()}


def compartments(annotations: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Return the compartments that the annotations of a complex name; empty where they name none."""
    named = (_compartment(a["scheme"], a["term"]) for a in annotations)
    return frozenset(name for name in named if name)


def _compartment(scheme: str, term: str) -> str | None:
    if scheme == "go":
        return _OF_GO.get(term)
    if scheme == "funcat":
        return _FUNCAT.get(term[:5])
    return term if scheme == "localisation" else None
