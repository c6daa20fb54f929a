"""The user's own structure templates: a CSV with columns complex_id, member, file, chain.

Each file is checked once. A copy, named by its content, goes into the campaign folder: a prediction then
reads the very bytes that its input key stands for, whatever becomes of the user's file, also after the
campaign has moved. What is wrong with a file is kept beside the complex, and rejects it when its tokens are
counted.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from foldcp.campaign.ingested import Ingested
from foldcp.campaign.members import parse
from foldcp.campaign.user_table import read_user_table
from foldcp.errors import FoldcpError, InputError
from foldcp.predict.template_files import TemplateFile
from foldcp.tables.files import atomic_write
from foldcp.tables.schemas import COMPLEXES

FOLDER = "01_templates"
"""Folder of the copies in a campaign folder."""


class Line(NamedTuple):
    """A record of the CSV: its number, 1 = first after the header, and its cells; empty ones are None."""

    number: int
    complex_id: str
    member: str | None
    file: str
    chain: str | None


@dataclass(frozen=True)
class _Checked:
    """Hash and protein chains of a file, or what is wrong with it; not its content, for there may be many."""

    sha256: str | None = None
    proteins: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    def wrong(self, chain: str | None) -> str | None:
        """Return what is wrong with the file, or with this chain of it."""
        if self.error or chain is None or chain in self.proteins:
            return self.error
        known = [
            name if name == own else f"{name} (the authors' {own})" for name, own in self.proteins.items()
        ]
        return f"has no protein chain {chain!r}; valid (label_asym_id): {', '.join(known)}"


def read_lines(path: Path) -> list[Line]:
    """Read the CSV; of lines that say the same, only the first.

    Raises
    ------
    InputError
        If columns are missing, or a record has a malformed member or names no complex or no file; all such
        records are named.
    """
    lines: dict[tuple[str | None, ...], Line] = {}

    def take(number: int, complex_id: str, member: str, file: str, chain: str) -> None:
        if not complex_id or not file:
            raise InputError(f"names no {'file' if complex_id else 'complex'}")
        line = Line(number, complex_id, parse(member).key if member else None, file, chain or None)
        lines.setdefault(line[1:], line)

    read_user_table(path, ("complex_id", "member", "file", "chain"), take, "a table of templates")
    return list(lines.values())


def named_files(path: Path | None) -> list[Path]:
    """Return the files that the CSV names, whether they are there or not; none without a CSV.

    Raises
    ------
    InputError
        As `read_lines`.
    """
    return list({_locate(path, line.file): None for line in read_lines(path)}) if path else []


def files_at_hand(path: Path | None) -> list[Path]:
    """Return the files of `named_files` that are there. What is wrong is left for the stage to say."""
    try:
        return [file for file in named_files(path) if file.is_file()]
    except FoldcpError:
        return []


def with_templates(got: Ingested, path: Path, folder: Path) -> Ingested:
    """Return the complexes with the templates that the CSV gives them.

    Parameters
    ----------
    got
        Complexes, each found by its source_id or else its complex_id. All of a repeated source_id are meant.
    path
        The CSV. Files are relative to it.
    folder
        Campaign folder, which usable files are copied to.

    Returns
    -------
    Ingested
        With the column `templates` filled, and with remarks: what the CSV names that is not in the table (but
        not rejected rows, which are no mistake of the CSV) and is therefore left out.

    Raises
    ------
    InputError
        As `read_lines`.
    WriteError
        If a file cannot be copied.
    """
    lines = read_lines(path)
    files = {file: _check(_locate(path, file), folder) for file in dict.fromkeys(line.file for line in lines)}
    rows = _Rows(got)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    unknown: dict[str, None] = {}
    for line in lines:
        for index, missing in rows.named(line):
            if missing is None:
                found[index].append(_row(line, files[line.file]))
            else:
                unknown[missing] = None
    at = COMPLEXES.schema.get_field_index("templates")
    declared = COMPLEXES.schema.field(at)
    column = pa.array([found.get(index) for index in range(got.complexes.num_rows)], declared.type)
    complexes = got.complexes.set_column(at, declared, column)
    remarks = _remarks(path, files.values(), len(found), unknown)
    return replace(got, complexes=complexes, remarks=(*got.remarks, *remarks))


class _Rows:
    """The complexes by what a CSV may call them."""

    def __init__(self, got: Ingested) -> None:
        self._members = got.complexes["members"]
        self._by_source: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(got.complexes["source_id"].to_pylist()):
            self._by_source[name].append(index)
        self._by_id = {name: index for index, name in enumerate(got.complexes["complex_id"].to_pylist())}
        self._rejected = set(got.rejected["source_id"].to_pylist())

    def named(self, line: Line) -> Iterable[tuple[int, str | None]]:
        """Yield the place of each complex that a line means, and what of the line is unknown there."""
        name = line.complex_id
        indices = self._by_source.get(name) or [k for k in [self._by_id.get(name)] if k is not None]
        if not indices and name not in self._rejected:
            yield -1, name
        for index in indices:
            members = {member["member"] for member in self._members[index].as_py()}
            known = line.member is None or line.member in members
            yield index, None if known else f"{name} (member {line.member})"


def _locate(path: Path, file: str) -> Path:
    return Path(os.path.normpath(path.parent / file))


def _check(path: Path, folder: Path) -> _Checked:
    try:
        file = TemplateFile.read(path)
    except InputError as error:
        return _Checked(error=str(error))
    sha256 = hashlib.sha256(file.content).hexdigest()
    target = kept_file(folder, sha256)
    if not target.is_file():
        with atomic_write(target) as handle:
            handle.write(file.content)
    return _Checked(sha256, file.proteins)


def kept_file(folder: Path, sha256: str, use: int = 1) -> Path:
    """Return the copy of a template in a campaign folder; for its second use in one complex, a second one."""
    return folder / FOLDER / f"{sha256}{f'-{use}' if use > 1 else ''}.cif"


def _row(line: Line, file: _Checked) -> dict[str, Any]:
    return {
        "row": line.number,
        "member": line.member,
        "file": line.file,
        "chain": line.chain,
        "sha256": file.sha256,
        "error": file.wrong(line.chain),
    }


def _remarks(path: Path, files: Iterable[_Checked], n: int, unknown: Iterable[str]) -> Iterable[str]:
    files = list(files)
    bad = sum(file.error is not None for file in files)
    yield f"{path}: {len(files)} files of templates, {bad} of them unusable, for {n} complexes"
    if names := ", ".join(sorted(unknown)):
        yield f"warning: {path}: not in the table of complexes, and left out: {names}"
