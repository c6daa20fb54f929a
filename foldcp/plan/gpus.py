"""GPU models, read from `gpus.yaml` beside this file (the repository's `config/gpus.yaml` links to it)."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from foldcp.errors import InputError, unknown_choice

GIB = 2**30
Positive = Annotated[float, Field(gt=0)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Throughput(_Entry):
    """Assumed effective throughput in 10^12 floating-point operations per second."""

    fp32: Positive
    bf16: Positive


class Gpu(_Entry):
    """One GPU model (or `cpu`, where a rank is a process on the host)."""

    name: str
    memory_gib: Positive
    usable: float = Field(gt=0, le=1)
    gpus_per_node: int = Field(ge=1)
    tflops: Throughput

    @property
    def usable_bytes(self) -> int:
        """Bytes of device memory that a plan may fill."""
        return int(self.memory_gib * self.usable * GIB)

    def flops_per_second(self, precision: str) -> float:
        """Return the assumed floating-point operations per second of one GPU at `precision`."""
        return 1e12 * (self.tflops.fp32 if precision == "fp32" else self.tflops.bf16)


def load_gpus(path: Path | None = None) -> dict[str, Gpu]:
    """Return the GPU models by name: those that come with foldcp, overridden by those of `path`.

    Raises
    ------
    InputError
        If `path` is not readable or an entry is not valid.
    """
    own = files("foldcp.plan").joinpath("gpus.yaml").read_text(encoding="utf-8")
    models = _parse("foldcp's gpus.yaml", own)
    if path is not None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not a readable file of GPU models: {error}") from None
        models |= _parse(str(path), text)
    return models


def get_gpu(name: str, path: Path | None = None) -> Gpu:
    """Return one GPU model; an unknown name is an error that lists the valid ones."""
    models = load_gpus(path)
    if name not in models:
        raise unknown_choice("GPU model", name, sorted(models))
    return models[name]


def _parse(where: str, text: str) -> dict[str, Gpu]:
    try:
        values: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{where}: not readable as YAML: {error}") from None
    if not isinstance(values, dict) or not all(isinstance(v, dict) for v in values.values()):
        wanted = ", ".join(name for name in Gpu.model_fields if name != "name")
        raise InputError(f"{where}: expected names of GPU models, each with its {wanted}")
    try:
        return {str(name): Gpu(name=str(name), **fields) for name, fields in values.items()}
    except (ValidationError, TypeError) as error:
        raise InputError(f"{where}: a GPU model is not valid: {error}") from None
