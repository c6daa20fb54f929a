"""A target: one input to predict, under a name that is safe as a file name. Imports no torch."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from foldcp.errors import InputError, UsageError
from foldcp.msa.pairing import Pairing
from foldcp.names import safe_id
from foldcp.predict.document import SUFFIXES, read
from foldcp.predict.paired_input import has_a3m
from foldcp.predict.settings import Settings
from foldcp.tables.provenance import sha256_json


@dataclass(frozen=True)
class Target:
    """One input to predict.

    Attributes
    ----------
    id
        Name of the prediction: its folder and files carry it.
    input
        Boltz YAML or FASTA file.
    input_key
        Hash of everything the prediction reads: the input's content and that of the files it names.
    msa_rows
        Most rows of its alignment that are read; None leaves that to the settings.
    """

    id: str
    input: Path
    input_key: str
    msa_rows: int | None = None

    def under(self, settings: Settings) -> Settings:
        """Return the settings of this target's prediction: with its own limit of rows, where it has one."""
        return settings if self.msa_rows is None else replace(settings, msa_rows=self.msa_rows)


def from_file(path: Path | str, pairing: Pairing | None = None) -> Target:
    """Return the target that an input file describes.

    Parameters
    ----------
    path
        The file.
    pairing
        How its a3m files will be paired, which then is part of the key; without any it makes no difference.

    Raises
    ------
    InputError
        If the file is not a valid Boltz input, or a file it names is absent.
    """
    path = Path(path)
    document = read(path)
    key = document.key()
    if pairing is not None and has_a3m(document):
        key = sha256_json([key, asdict(pairing)])
    return Target(safe_id(path.stem), path, key)


def find(inputs: Iterable[Path | str]) -> list[Path]:
    """Return the input files among `inputs`, which are files, or folders of files.

    Raises
    ------
    InputError
        If a path does not exist, or a folder holds no input.
    UsageError
        If two files would write to the same prediction folder.
    """
    files: list[Path] = []
    for given in map(Path, inputs):
        if not given.exists():
            raise InputError(f"{given}: no such file or folder")
        within = sorted(given.iterdir()) if given.is_dir() else []
        found = [p for p in within if p.suffix.lower() in SUFFIXES] if given.is_dir() else [given]
        if not found:
            raise InputError(f"{given}: no Boltz input in this folder; valid: {' '.join(SUFFIXES)}")
        files += found
    names: dict[str, Path] = {}
    for file in files:
        name = safe_id(file.stem)
        if (other := names.setdefault(name, file)) != file:
            raise UsageError(f"{other} and {file} would both be written as {name!r}; rename one")
    return list(dict.fromkeys(files))
