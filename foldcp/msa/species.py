"""The species that a row of an alignment is from, as its header tells it.

Headers are known in these forms, which are looked for in this order:

- ``... Key=<text>`` at the end: a key that pairs rows explicitly, whatever their species; ``Key=-``: the row
  is not to be paired;
- ``OX=9606`` (UniProt), ``TaxID=9606`` (UniRef, ColabFold's databases);
- ``UniRef100_A0A000_9606/1-99`` (AlphaFold-3-like programs);
- ``sp|P69905|HBA_HUMAN``, ``RepID=HBA_HUMAN``, or ``HBA_HUMAN`` alone (names of UniProt entries).
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from foldcp.errors import InputError
from foldcp.msa.query import KEY
from foldcp.tables.text import lines, shorten

_KEY = re.compile(rf"(?:^|\s){KEY.strip()}(\S.*)$")
NO_KEY = "-"
_FORMS = (
    re.compile(r"\b(?:OX|TaxID)=(\d+)\b"),
    re.compile(r"^UniRef\d+_[^\s_/]+_(\d+)(?=[/\s]|$)"),
    # Codes of a digit 9 and letters stand for many species at once, e.g. 9BACT for unknown bacteria.
    re.compile(r"(?:(?:sp|tr)\|[^|\s]*\||RepID=)[A-Z0-9]{1,10}_(?!9)([A-Z0-9]{3,5})(?=[/\s]|$)"),
    # Alone, names of contigs and genes look much alike (NODE_A12, SRR1_ORF1): only what begins like a genus.
    re.compile(r"(?:^|\t)[A-Z0-9]{1,10}_([A-Z]{3,5}|[A-Z]{3}[A-Z0-9]{2})(?=[/\s]|$)"),
)
_NO_SPECIES = frozenset(
    {
        *("0", "1", "131567"),  # nothing, the root, cellular organisms
        *("2", "2157", "2759", "10239"),  # bacteria, archaea, eukaryotes, viruses
        *("12908", "28384", "32644"),  # unclassified, other, unidentified
        *("77133", "155900", "256318"),  # uncultured bacterium, uncultured organism, metagenome
    }
)
"""Taxa that say nothing: two proteins of them need not be of one organism. UniRef's clusters have them."""


def species(header: str) -> str | None:
    """Return the species of a row, or None if its header does not tell.

    Parameters
    ----------
    header
        Header of the row, without `>`.

    Returns
    -------
    str or None
        A tax id, a code of UniProt's such as HUMAN, or ``key:<text>``. Equal texts, one species.
    """
    if found := _KEY.search(header):
        return None if found[1] == NO_KEY else f"key:{found[1]}"
    matches = (match for form in _FORMS for match in form.finditer(header))
    return next((match[1] for match in matches if match[1] not in _NO_SPECIES), None)


def without_key(header: str) -> str:
    """Return a header without the key at its end."""
    return _KEY.sub("", header)


def not_paired(header: str) -> str:
    """Return a header that says that its row is not to be paired, whatever its species."""
    return f"{header}{KEY}{NO_KEY}"


def read_species_map(path: Path) -> dict[str, str]:
    """Read a map of identifiers to tax ids: two columns, set apart by a tab, a comma or spaces.

    Lines that start with # are comments. The file may be packed with gzip or zstd.

    Raises
    ------
    InputError
        Naming file and line: not two columns, a tax id that is no number, or another one than above.
    """
    found: dict[str, str] = {}
    for number, line in lines(path):
        fields = line.replace(",", " ").split()
        if not fields or line.startswith("#"):
            continue
        if len(fields) != 2 or not fields[1].isdecimal():
            raise InputError(
                f"{path}, line {number}: got {shorten(line)!r}; expected an identifier and a tax id, "
                "e.g. A0A000<tab>9606"
            )
        if found.setdefault(fields[0], fields[1]) != fields[1]:
            raise InputError(
                f"{path}, line {number}: {fields[0]} has the tax id {fields[1]}, and {found[fields[0]]} above"
            )
    return found


def with_species(header: str, known: Mapping[str, str]) -> str:
    """Return the header with the tax id of its identifier, if it tells no species and the map has one."""
    if not known or species(header) is not None:
        return header
    tax_id = next((known[name] for name in _identifiers(header) if name in known), None)
    return header if tax_id is None else f"{header}\tTaxID={tax_id}"


def _identifiers(header: str) -> Iterator[str]:
    """Yield what a map may call a row: its first word, and the accession in it."""
    word = header.split(maxsplit=1)[0] if header.strip() else ""
    yield word
    word = word.partition("/")[0]
    yield word
    yield re.sub(r"^UniRef\d+_", "", word)
    yield from word.split("|")[1:2]
