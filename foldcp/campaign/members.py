"""Grammar of member identifiers: what may stand for a molecule in a table of complexes.

========================  ==============  =============================================================
written as                namespace       meaning
========================  ==============  =============================================================
P12345                    uniprot         UniProtKB entry, canonical sequence
P12345-2                  uniprot         isoform 2 of the entry
P00734-PRO_0000028163     uniprot         mature chain (feature) of the entry
CPX-1156                  complexportal   nested complex
CHEBI:29105               chebi           small molecule
URS000012D749_559292      rnacentral      RNA, with or without its organism
EBI-16420196              intact          molecule known to IntAct only
9606.ENSP00000000233      ensembl         Ensembl protein, with or without STRING's organism prefix
4932.YAL001C              other           STRING protein that is not named after Ensembl
refseq:NP_033895.1        other           any other database, or your own: lower-case prefix:identifier
[P33442,P23248]           of the first    one molecule out of a set (paralogues that are not told apart)
========================  ==============  =============================================================

A number of copies in parentheses may follow: `P12345(2)`; `(0)` says that the number is not known.
The accession pattern is the official one, https://www.uniprot.org/help/accession_numbers.
"""

import re
from dataclasses import dataclass

from foldcp.errors import InputError

MAX_COPIES = 9999

ACCESSION = r"(?:[OPQ][0-9][A-Z0-9]{3}[0-9]|[A-NR-Z][0-9](?:[A-Z][A-Z0-9]{2}[0-9]){1,2})"
_UNIPROT = re.compile(rf"(?:uniprot(?:kb)?:)?(?P<key>{ACCESSION}(?:-[1-9][0-9]{{0,3}}|-PRO_[0-9]{{10}})?)")
_OTHERS = {
    "complexportal": re.compile(r"CPX-[0-9]+"),
    "chebi": re.compile(r"CHEBI:[0-9]+"),
    "rnacentral": re.compile(r"URS[0-9A-F]{10}(?:_[0-9]+)?"),
    "intact": re.compile(r"EBI-[0-9]+"),
    "ensembl": re.compile(r"(?:[0-9]+\.)?ENS[A-Z]*P[0-9]{11}(?:\.[0-9]+)?"),
    "other": re.compile(r"[0-9]+\.[A-Za-z0-9_.:-]+|(?!uniprot)[a-z][a-z0-9_.-]*:[A-Za-z0-9_.:-]+"),
}
_ENTRY_NAME = re.compile(r"[A-Z0-9]{1,10}_[A-Z0-9]{1,5}")


class MemberError(InputError):
    """Text that is no identifier of a molecule."""


class CopiesError(InputError):
    """Text that is no number of copies."""


@dataclass(frozen=True)
class Member:
    """One molecule of a complex.

    Attributes
    ----------
    key
        Identifier that sequences are looked up by, e.g. `P12345-2`.
    namespace
        Database of the identifier; see the module's table.
    alternatives
        All keys of the set the member stands for; empty where the table names one molecule.
    """

    key: str
    namespace: str
    alternatives: tuple[str, ...] = ()


def parse(text: str) -> Member:
    """Return the member that `text` names.

    Raises
    ------
    MemberError
        If it names none; the message says what is wrong with it.
    """
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        return _parse_set(text)
    if match := _UNIPROT.fullmatch(text):
        return Member(match["key"], "uniprot")
    if text[:6].lower() == "chebi:":
        text = "CHEBI:" + text[6:]
    for namespace, pattern in _OTHERS.items():
        if pattern.fullmatch(text):
            return Member(text, namespace)
    raise MemberError(f"{text[:60]!r} is no identifier of a molecule: {_diagnosis(text)}")


def _parse_set(text: str) -> Member:
    members = [parse(part) for part in text[1:-1].split(",")]
    if len(members) == 1:
        return members[0]
    return Member(members[0].key, members[0].namespace, tuple(member.key for member in members))


def _diagnosis(text: str) -> str:
    if _UNIPROT.fullmatch(text.upper()):
        return f"UniProt accessions are upper case; perhaps {text.upper()}"
    if _UNIPROT.fullmatch(text.rstrip("-")):
        return "the isoform number after '-' is missing"
    if _ENTRY_NAME.fullmatch(text.removeprefix("uniprotkb:")):
        return "it looks like a UniProt entry name or a gene; give the accession, e.g. P38398"
    return (
        "valid are UniProt accessions (P12345, isoform P12345-2, chain P00734-PRO_0000028163), "
        "CPX-, CHEBI:, URS, EBI-, Ensembl proteins, and database:identifier"
    )


def split_copies(text: str) -> tuple[str, int | None]:
    """Split `P12345(2)` into the member's text and its copies.

    Returns
    -------
    tuple
        Text without the suffix; copies, 0 where they are called unknown, None where nothing is said.

    Raises
    ------
    CopiesError
        If parentheses follow that hold no number from 0 to 9999.
    """
    text = text.strip()
    member, parenthesis, copies = text.removesuffix(")").rpartition("(")
    if not text.endswith(")") or not parenthesis:
        return text, None
    return member.rstrip(), parse_copies(copies)


def parse_copies(text: str) -> int:
    """Return a number of copies, 0 meaning unknown.

    Raises
    ------
    CopiesError
        If `text` is no whole number from 0 to 9999.
    """
    if not re.fullmatch(r"\s*[0-9]{1,4}\s*", text):
        raise CopiesError(f"{text[:60]!r} is no number of copies; valid: 1 to {MAX_COPIES}, or 0 for unknown")
    return int(text)
