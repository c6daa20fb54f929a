"""Which checkpoint and molecules the settings mean. Imports no torch, unless the demo model must be built."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from foldcp.config import cache_folder
from foldcp.errors import InputError
from foldcp.predict.settings import Settings
from foldcp.tables.provenance import sha256_file


@dataclass(frozen=True)
class Molecules:
    """Boltz's molecule dictionary: one pickled RDKit molecule per CCD code.

    Attributes
    ----------
    folder
        Folder of molecules that Boltz released; None builds them from the CCD.
    cache
        Cache folder to build them in.
    """

    folder: Path | None
    cache: Path

    @property
    def source(self) -> str:
        """Where the molecules come from, for the record."""
        if self.folder is not None:
            return "boltz"
        from foldcp.demo import molecules

        return molecules.folder(self.cache).name

    def provide(self, codes: Iterable[str]) -> Path:
        """Return a folder that holds the standard residues and `codes`.

        Raises
        ------
        InputError
            If a code is unknown.
        """
        if self.folder is None:
            from foldcp.demo import molecules

            return molecules.build(self.cache, codes)
        for code in codes:
            if not (self.folder / f"{code}.pkl").is_file():
                raise InputError(f"no component {code!r} in Boltz-2's chemical component dictionary (CCD)")
        return self.folder


@dataclass(frozen=True)
class Checkpoint:
    """A model on disk: its checkpoint file, the file's SHA-256, and the molecules it goes with."""

    path: Path
    sha256: str
    molecules: Molecules


def find(settings: Settings) -> Checkpoint:
    """Return the checkpoint that the settings name; build it first if it is the demo model.

    Raises
    ------
    MissingError
        If it is not on this machine.
    UsageError
        If there is no such model.
    """
    cache = cache_folder(settings.cache)
    if settings.demo:
        from foldcp.demo.model import build_checkpoint

        path = build_checkpoint(cache)
        return Checkpoint(path, sha256_file(path), Molecules(None, cache))
    from foldcp.predict import weights

    released = weights.cache_folder(settings.cache) / weights.MOLECULES
    path = Path(settings.model).expanduser()
    if settings.model != "boltz2" and path.is_file() and not released.is_dir():
        # A checkpoint of one's own needs no download: the CCD gives the molecules.
        return Checkpoint(path, sha256_file(path), Molecules(None, cache))
    files = weights.locate(settings.model, settings.cache)
    return Checkpoint(files.checkpoint, sha256_file(files.checkpoint), Molecules(files.molecules, cache))
