"""Scores by the names people use, and numbers for people."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """How a score is called, and what it says.

    Attributes
    ----------
    label
        Short name, as the field writes it.
    meaning
        One line for a reader who has not met it.
    top
        Upper end of its range.
    """

    label: str
    meaning: str
    top: float = 1.0


SCORES = {
    "iptm": Wording("ipTM", "interface predicted TM-score, 0 to 1; a complex of one chain has none"),
    "ipsae_max": Wording("ipSAE max", "best ipSAE of any interface, 0 to 1: is any interface convincing?"),
    "ipsae_weakest": Wording(
        "ipSAE weakest", "ipSAE of the chain that is bound worst, 0 to 1: is every subunit bound?"
    ),
    "pdockq_max": Wording("pDockQ max", "best pDockQ of any interface: its contacts and their pLDDT"),
    "pdockq2_max": Wording(
        "pDockQ2 max", "best pDockQ2 of any interface, 0 to 1.32: contacts, pLDDT and aligned error", 1.32
    ),
    "lis_max": Wording("LIS max", "best local interaction score, 0 to 1: confident pairs, however few"),
    "confidence_score": Wording("Confidence", "(4 pLDDT + ipTM) / 5; pTM instead of ipTM for one chain"),
    "complex_plddt": Wording("pLDDT", "mean over tokens, 0 to 1: is the local structure sure?"),
}
"""The main scores of a complex, in the order they are shown: columns of the complexes table."""


_OTHERS = {
    "ptm": "pTM",
    "protein_iptm": "protein ipTM",
    "ligand_iptm": "ligand ipTM",
    "ilis_max": "iLIS max",
    "interface_plddt": "interface pLDDT",
    "complex_iplddt": "ipLDDT",
    "n_interfaces": "interfaces",
    "n_contacts": "contacts",
    "buried_area": "buried area, Å²",
}


def negatives(candidates: bool) -> str:
    """Return what scores are to tell complexes from; candidates of a screen too, where they count as such."""
    return "decoys and candidates" if candidates else "decoys"


def label(score: str) -> str:
    """Return the short name of a score, also of one that is not among the main ones."""
    return SCORES[score].label if score in SCORES else _OTHERS.get(score, score.replace("_", " "))


def number(value: float | None, digits: int = 2) -> str:
    """Return a number for people: thousands apart, a dash for none, powers of ten for the very small.

    `digits` is the number of decimals; with 0 the number is a count. The page's script writes
    numbers the same way.
    """
    if value is None:
        return "–"
    if value == float("inf"):
        return "∞"
    if digits == 0:
        return f"{value:,.0f}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    if 0 < abs(value) < 10**-digits:
        return f"{value:.1e}".replace("e-0", "e-")
    return f"{value:.{digits}f}"


def percent(part: int, whole: int) -> str:
    """Return `part` as a percentage of `whole`; a dash when there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def byte_size(value: int | None) -> str:
    """Return a memory size in GiB."""
    return "–" if value is None else f"{value / 2**30:.1f} GiB"
