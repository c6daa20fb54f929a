"""The user's own structure templates: a CSV with columns complex_id, member, file, chain.

Each file is checked whenever the stage runs, and has to be there then. A copy, named by the hash of its
content, goes into the campaign folder: a prediction then reads the very bytes that its input key stands for,
though the user's file may have changed since. What is wrong with a file, its absence included, is kept beside
the complex, and rejects it when its tokens are counted.
"""

import hashlib
import os
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from foldcp.campaign.formats.record import pair_id
from foldcp.campaign.ingested import Ingested, shorten
from foldcp.campaign.members import parse
from foldcp.campaign.user_table import read_user_table
from foldcp.errors import FoldcpError, InputError
from foldcp.predict.template_files import TemplateFile
from foldcp.tables.files import atomic_write
from foldcp.tables.provenance import sha256_file
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


def named_files(path: Path | None) -> dict[Path, list[int]]:
    """Return the files that the CSV names, there or not, each with its record numbers; none without a CSV.

    Raises
    ------
    InputError
        As `read_lines`.
    """
    if path is None:
        return {}
    rows: dict[Path, list[int]] = defaultdict(list)
    for line in read_lines(path):
        rows[_locate(path, line.file)].append(line.number)
    return dict(rows)


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
        With the column `templates` filled, and with a remark.

    Raises
    ------
    InputError
        As `read_lines`; or naming every record of a complex or member that the table does not hold. Rejected
        rows of the table are no mistake of the CSV.
    WriteError
        If a file cannot be copied.
    """
    lines = read_lines(path)
    files = {file: _check(_locate(path, file), folder) for file in dict.fromkeys(line.file for line in lines)}
    rows = _Rows(got)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    mistakes: list[str] = []
    for line in lines:
        try:
            for index in rows.named(line):
                found[index].append(_row(line, files[line.file]))
        except InputError as error:
            mistakes.append(f"  row {line.number}: {error}")
    if mistakes:
        raise InputError(f"{path}: not in the table of complexes:\n" + "\n".join(mistakes))
    at = COMPLEXES.schema.get_field_index("templates")
    declared = COMPLEXES.schema.field(at)
    column = pa.array([found.get(index) for index in range(got.complexes.num_rows)], declared.type)
    complexes = got.complexes.set_column(at, declared, column)
    bad = sum(file.error is not None for file in files.values())
    remark = f"{path}: {len(files)} files of templates, {bad} of them unusable, for {len(found)} complexes"
    return replace(got, complexes=complexes, remarks=(*got.remarks, remark))


class _Rows:
    """The complexes by what a CSV may call them."""

    def __init__(self, got: Ingested) -> None:
        self._members = got.complexes["members"]
        self._by_source: dict[str, list[int]] = defaultdict(list)
        for index, name in enumerate(got.complexes["source_id"].to_pylist()):
            self._by_source[name].append(index)
        self._by_id = {name: index for index, name in enumerate(got.complexes["complex_id"].to_pylist())}
        self._rejected = set(got.rejected["source_id"].to_pylist())

    def named(self, line: Line) -> list[int]:
        """Return the place of each complex that a line means.

        Raises
        ------
        InputError
            If there is none, or one of them has no such member.
        """
        name = line.complex_id
        indices = self._called(name) or self._other_way_round(name)
        if not indices and name not in self._rejected:
            raise InputError(f"there is no complex {name}")
        for index in indices:
            members = self._members_of(index)
            if line.member is not None and line.member not in members:
                raise InputError(f"{name} has no member {line.member}; valid: {shorten(', '.join(members))}")
        return indices

    def _called(self, name: str) -> list[int]:
        return self._by_source.get(name) or [k for k in [self._by_id.get(name)] if k is not None]

    def _other_way_round(self, name: str) -> list[int]:
        """Return the pairs of the same two members, where a pair is called by them: `A_B` for `B_A`."""
        cuts = [at for at, letter in enumerate(name) if letter == "_"]
        pairs = [(name[:at], name[at + 1 :]) for at in cuts]
        return [
            k for a, b in pairs for k in self._called(pair_id("", b, a)) if {a, b} == {*self._members_of(k)}
        ]

    def _members_of(self, index: int) -> list[str]:
        return [member["member"] for member in self._members[index].as_py()]


def _locate(path: Path, file: str) -> Path:
    return Path(os.path.normpath(path.parent / file))


def _check(path: Path, folder: Path) -> _Checked:
    try:
        file = TemplateFile.read(path)
    except InputError as error:
        return _Checked(error=str(error))
    sha256 = hashlib.sha256(file.content).hexdigest()
    target = kept_file(folder, sha256)
    if not is_intact(target, sha256):
        with atomic_write(target) as handle:
            handle.write(file.content)
    return _Checked(sha256, file.proteins)


def kept_file(folder: Path, sha256: str, use: int = 1) -> Path:
    """Return the copy of a template in a campaign folder; for its second use in one complex, a second one."""
    return folder / FOLDER / f"{sha256}{f'-{use}' if use > 1 else ''}.cif"


def is_intact(path: Path, sha256: str) -> bool:
    """Whether a copy is there and has the content that it is named after."""
    return path.is_file() and sha256_file(path) == sha256


def _row(line: Line, file: _Checked) -> dict[str, Any]:
    return {
        "row": line.number,
        "member": line.member,
        "file": line.file,
        "chain": line.chain,
        "sha256": file.sha256,
        "error": file.wrong(line.chain),
    }
