"""The alignments that an input names, checked before Boltz's own readers get them.

These know no line numbers, and take some rows for what they are not. Of the first row only the length is
checked: a modified residue may have any letter in it (`foldcp.features.alignment`).
"""

from collections.abc import Iterator
from pathlib import Path

from foldcp.msa import a3m, csv_rows
from foldcp.predict.document import Document


def check_alignments(document: Document) -> None:
    """Read every alignment of an input, and forget it.

    Raises
    ------
    InputError
        Naming file and line of what is wrong.
    """
    bodies = (item["protein"] for item in document.schema["sequences"] if "protein" in item)
    # Copies of a chain, each an item of its own, have one file.
    files = {(body["msa"], len(body["sequence"])): body["sequence"] for body in bodies if _has_file(body)}
    for (file, _), sequence in files.items():
        for _ in rows(Path(file), sequence):
            pass


def rows(path: Path, sequence: str) -> Iterator[a3m.Row]:
    """Yield header and row of an alignment that an input names: CSV by its suffix, otherwise a3m.

    Raises
    ------
    InputError
        As `foldcp.msa.a3m.read` and `foldcp.msa.csv_rows.read`.
    """
    if path.suffix == ".csv":
        return csv_rows.read(path, sequence, any_letters=True, whole_keys=True)
    return a3m.read(path, sequence, any_letters=True)


def _has_file(body: dict[str, object]) -> bool:
    return body.get("msa") not in (None, "", "empty")
