"""foldcp: fold and score whole databases of protein complexes with Boltz-2 on meshes of GPUs."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("foldcp")
except PackageNotFoundError:  # running from a source tree that is not installed
    __version__ = "0.1.0"

__all__ = ["__version__"]
