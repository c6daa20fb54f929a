"""The campaign's configuration: typed, validated once, hashed for provenance.

The pydantic models below are the only declaration. `workflow/schemas/config.schema.yaml`, which Snakemake
validates against, is generated from them (`make schemas`), and `config/README.md` explains every key in a
biologist's words; a test holds the three together.
"""

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from foldcp.config.alignments import MsaConfig
from foldcp.config.inputs import ComplexesConfig, ControlsConfig, ScreenConfig, SequencesConfig, UniprotConfig
from foldcp.config.outcome import EnrichmentConfig, ReportConfig, Score
from foldcp.config.section import HOW, Section
from foldcp.config.work import AttemptsConfig, PlanConfig, PredictConfig, SlurmConfig
from foldcp.errors import InputError, UsageError
from foldcp.tables.provenance import sha256_json

__all__ = [
    "DEMO_NOTE",
    "HOW",
    "TABLE_FORMATS",
    "AttemptsConfig",
    "ComplexesConfig",
    "Config",
    "ControlsConfig",
    "EnrichmentConfig",
    "MsaConfig",
    "PlanConfig",
    "PredictConfig",
    "ReportConfig",
    "Score",
    "ScreenConfig",
    "SequencesConfig",
    "SlurmConfig",
    "UniprotConfig",
    "cache_folder",
    "json_schema",
    "load",
    "parse",
]

TABLE_FORMATS = ["auto", "corum", "complextab", "mitab", "biogrid", "string", "humap", "csv"]
DEMO_NOTE = "made with demo weights (a small random model): the structures and scores mean nothing"


def cache_folder(cache: Path | None = None) -> Path:
    """Return where fetched and built files are kept: `cache`, else $FOLDCP_CACHE, else the user's cache."""
    if cache is not None:
        return cache.expanduser()
    if named := os.environ.get("FOLDCP_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foldcp"


class Config(Section):
    """One campaign."""

    campaign: str = Field(
        "campaign", description="Name; part of every random seed.", pattern=r"^[A-Za-z0-9._-]{1,80}$"
    )
    results: Path = Field(Path("results"), description="Folder the campaign writes to.")
    seed: int = Field(7, ge=0, lt=2**31, description="Seed of all randomness.")
    complexes: ComplexesConfig
    sequences: SequencesConfig = Field(default_factory=SequencesConfig)
    msa: MsaConfig = Field(default_factory=MsaConfig)
    controls: ControlsConfig = Field(default_factory=ControlsConfig)
    plan: PlanConfig = Field(default_factory=PlanConfig)
    predict: PredictConfig = Field(default_factory=PredictConfig)
    enrichment: EnrichmentConfig = Field(default_factory=EnrichmentConfig)
    report: ReportConfig = Field(default_factory=ReportConfig)

    @property
    def demo(self) -> bool:
        """Whether demo weights make the scores meaningless."""
        return self.predict.model == "demo"

    @property
    def note(self) -> str | None:
        """Warning that goes into the provenance of every table with scores, or None."""
        return DEMO_NOTE if self.demo else None

    def deciding(self, section: str) -> dict[str, Any]:
        """Return the values of a section that its results depend on: all but the keys marked `HOW`."""
        return _deciding(getattr(self, section))

    def sha256(self, *sections: str) -> str:
        """Return the hash of the named sections (all of them when none is named)."""
        values = self.model_dump(mode="json")
        return sha256_json({k: values[k] for k in sections} if sections else values)


def _deciding(section: Section) -> dict[str, Any]:
    values = section.model_dump(mode="json")
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if HOW in field.metadata:
            del values[name]
        elif isinstance(value, Section):
            values[name] = _deciding(value)
    return values


def parse(values: dict[str, Any]) -> Config:
    """Return the validated configuration.

    Raises
    ------
    UsageError
        One line per wrong key: where it is, what it holds, what is valid.
    """
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        lines = "\n".join(f"  {_explain(e)}" for e in error.errors())
        text = f"the configuration is not valid (config/README.md explains every key):\n{lines}"
        raise UsageError(text) from None


def _explain(error: Any) -> str:
    """Return one line for a pydantic error: where, what is wrong, what is valid."""
    where = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"{where}: no such key; valid here: {', '.join(_section_at(error['loc'][:-1]).model_fields)}"
    if error["type"] == "missing":
        return f"{where}: must be given"
    said = error["msg"].removeprefix("Value error, ")
    return f"{where}: {said} (got {error['input']!r})" if where else said


def _section_at(path: tuple[int | str, ...]) -> type[BaseModel]:
    section: Any = Config
    for name in path:
        section = section.model_fields[name].annotation
    return section


def load(path: Path | str) -> Config:
    """Read and validate a YAML configuration file."""
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such configuration file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as YAML: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected keys and values, got {type(values).__name__}")
    return parse(values)


def json_schema() -> str:
    """Return the JSON schema of the configuration as YAML, with keys in declared order."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
    header = "# Generated from foldcp/config by `make schemas`; do not edit.\n"
    return header + yaml.safe_dump(schema, sort_keys=False, allow_unicode=True, width=110)
