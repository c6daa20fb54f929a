"""The campaign's configuration: typed, validated once, hashed for provenance.

The pydantic models below are the only declaration. `workflow/schemas/config.schema.yaml`, which Snakemake
validates against, is generated from them (`make schemas`), and `config/README.md` explains every key in a
biologist's words; a test holds the three together.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
)

from foldcp.config.alignments import MsaConfig
from foldcp.config.section import HOW, PositiveInt
from foldcp.config.section import Section as _Section
from foldcp.errors import InputError, UsageError
from foldcp.tables.provenance import sha256_json

TABLE_FORMATS = ["auto", "corum", "complextab", "mitab", "biogrid", "string", "humap", "csv"]
DEMO_NOTE = "made with demo weights (a small random model): the structures and scores mean nothing"


def cache_folder(cache: Path | None = None) -> Path:
    """Return where fetched and built files are kept: `cache`, else $FOLDCP_CACHE, else the user's cache."""
    if cache is not None:
        return cache.expanduser()
    if named := os.environ.get("FOLDCP_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foldcp"


class ComplexesConfig(_Section):
    """Which table to read."""

    table: Path = Field(description="Table of complexes or interactions.")
    format: Literal["auto", "corum", "complextab", "mitab", "biogrid", "string", "humap", "csv"] = Field(
        "auto", description="Format of the table; auto looks at the header."
    )
    copies: Path | None = Field(
        None,
        description="Your own stoichiometry, a CSV: complex_id,member,copies. It wins over the table.",
    )


class UniprotConfig(_Section):
    """Fetching of missing sequences from UniProt."""

    fetch: bool = Field(False, description="Fetch sequences that no FASTA file holds. Needs a network.")
    url: Annotated[str, HOW] = Field(
        "https://rest.uniprot.org", description="Address of the UniProt REST service."
    )
    cache: Annotated[Path | None, HOW] = Field(
        None, description="Folder of fetched entries; default: the user's cache folder."
    )
    batch_size: Annotated[int, HOW] = Field(100, ge=1, le=500, description="Accessions per request.")
    requests_per_second: Annotated[float, HOW] = Field(
        1.0, gt=0, le=10, description="Upper limit of the request rate."
    )


class SequencesConfig(_Section):
    """Where sequences come from, and what to do when one is not exactly what was asked for."""

    fasta: list[Path] = Field(default_factory=list, description="FASTA files (.gz too) or folders of them.")
    ligands: Path | None = Field(
        None,
        description="CSV with columns member,ccd,smiles,description: how to fold non-polymer members.",
    )
    uniprot: UniprotConfig = Field(default_factory=UniprotConfig, description="Fetching from UniProt.")
    missing_isoform: Literal["canonical", "reject"] = Field(
        "canonical",
        description="When an isoform is absent: fold the canonical sequence and flag it, or reject.",
    )
    mature_chain: Literal["cut", "whole", "reject"] = Field(
        "whole",
        description="For mature chains (P00734-PRO_...): cut them out (needs UniProt), fold the whole "
        "entry and flag it, or reject.",
    )
    unsupported_member: Literal["drop", "reject"] = Field(
        "drop",
        description="Members that cannot be folded (small molecules that the ligand table does not hold, RNA "
        "without a sequence): drop and flag, or reject.",
    )


class PlanConfig(_Section):
    """Size bins, the GPU to plan for, and how work is cut into jobs."""

    bins: list[PositiveInt] = Field(
        [512, 1024, 2048, 3072, 4096, 6144, 8192, 12288, 16384, 32768],
        description="Upper edges of the size bins, in tokens; one job array per bin.",
        min_length=1,
    )
    gpus: Path | None = Field(
        None, description="File of GPU models; default: the one that comes with foldcp."
    )
    gpu: str = Field("h100-80gb", description="GPU model of the cluster, a key of the GPU file.")
    max_ranks: PositiveInt = Field(8, description="Most GPUs for one complex; the fewest that fit are taken.")
    shard_minutes: float = Field(240.0, gt=0, description="Wall time a job should fill.")

    @field_validator("bins")
    @classmethod
    def _ascending(cls, bins: list[int]) -> list[int]:
        if bins != sorted(set(bins)):
            raise ValueError(f"bins must be ascending and distinct, got {bins}")
        return bins


_SET_BY_FOLDCP = {
    *("account", "array", "constraint", "cpus-per-task", "error", "gres", "job-name", "mem", "nodes"),
    *("ntasks", "ntasks-per-node", "open-mode", "output", "partition", "qos", "requeue", "signal", "time"),
}


class SlurmConfig(_Section):
    """Where prediction jobs go on a SLURM cluster."""

    partition: str | None = Field(None, description="Partition of the GPU nodes.")
    account: str | None = Field(None, description="Account to charge.")
    qos: str | None = Field(None, description="Quality of service.")
    constraint: str | None = Field(None, description="Node feature, e.g. h100.")
    gres: str = Field("gpu", description="Name of the GPU resource: gpu, or gpu:h100. Empty: ask for no GPU.")
    cpus_per_task: PositiveInt = Field(4, description="CPU cores for each rank.")
    mem_gb: float | None = Field(
        None, gt=0, description="Host memory for each rank; default: the partition's."
    )
    time_margin: float = Field(
        2.0, ge=1, description="Time limit of a job, in multiples of its predicted time."
    )
    max_jobs: PositiveInt = Field(64, description="Jobs of one bin that may run at once.")
    setup: list[str] = Field(
        default_factory=list, description="Shell lines run in each job first, e.g. module load."
    )
    extra: dict[str, StrictStr | StrictInt | Literal[True]] = Field(
        default_factory=dict,
        description="Other options of sbatch: name, without the dashes in front, and value (true: no value).",
    )

    @field_validator("extra", mode="before")
    @classmethod
    def _true(cls, extra: Any) -> Any:
        # What a Snakemake profile holds arrives as text.
        return {k: True if v in ("true", "True") else v for k, v in extra.items()} if extra else {}

    @field_validator("extra")
    @classmethod
    def _not_ours(cls, extra: dict[str, str | int]) -> dict[str, str | int]:
        if taken := sorted(_SET_BY_FOLDCP.intersection(extra)):
            raise ValueError(f"foldcp sets {', '.join(taken)} itself; the other keys of predict.slurm decide")
        if wrong := [name for name in extra if not re.fullmatch("[a-z][a-z-]+", name)]:
            raise ValueError(f"options are named like --mail-user, without the dashes in front; got {wrong}")
        return extra


class AttemptsConfig(_Section):
    """How often one complex is tried, by what ended its tries; `foldcp retry` starts the count anew."""

    killed: PositiveInt = Field(2, description="Its process died: a signal, a crash of the program.")
    hung: PositiveInt = Field(2, description="One of its processes stopped answering.")
    cancelled: PositiveInt = Field(2, description="Somebody cancelled its job (scancel).")
    timeout: PositiveInt = Field(3, description="Its job reached its time limit.")
    preempted: PositiveInt = Field(10, description="Another job took its place.")
    node_failure: PositiveInt = Field(3, description="Its machine failed.")


class PredictConfig(_Section):
    """How structures are predicted."""

    launcher: Annotated[Literal["debug", "local", "slurm"], HOW] = Field(
        "local",
        description="debug: inside Snakemake's own process; local: jobs on this machine; slurm: a cluster.",
    )
    model: str = Field("boltz2", description="demo, boltz2, or the path of a checkpoint.")
    cache: Annotated[Path | None, HOW] = Field(
        None, description="Folder of weights and molecules; default: the user's cache folder."
    )
    device: Annotated[Literal["auto", "cpu", "cuda"], HOW] = Field(
        "auto", description="auto takes a GPU where there is one."
    )
    precision: Literal["fp32", "bf16-mixed", "bf16"] = Field(
        "bf16-mixed", description="Arithmetic; bf16 also keeps the pair representation in 16 bits."
    )
    budget: Annotated[Literal["small", "medium", "large"], HOW] = Field(
        "small", description="Memory for intermediates: more is faster, and fits smaller complexes."
    )
    kernels: Annotated[Literal["auto", "off"], HOW] = Field(
        "auto", description="auto takes cuEquivariance's attention kernel where it is installed and right."
    )
    samples: PositiveInt = Field(1, description="Structures per complex.")
    recycles: int = Field(3, ge=0, description="Recycling passes of the trunk.")
    steps: int = Field(200, ge=2, description="Diffusion steps.")
    pae: bool = Field(False, description="Also write the predicted aligned error (N x N numbers).")
    local_jobs: Annotated[PositiveInt, HOW] = Field(1, description="Jobs at once with launcher local.")
    threads: Annotated[PositiveInt | None, HOW] = Field(
        None, description="CPU threads of each rank; default: torch's own choice."
    )
    attempts: Annotated[AttemptsConfig, HOW] = Field(
        default_factory=AttemptsConfig, description="How often a complex is tried."
    )
    slurm: Annotated[SlurmConfig, HOW] = Field(
        default_factory=SlurmConfig, description="SLURM settings, for launcher slurm."
    )


class EnrichmentConfig(_Section):
    """Which categories are over-represented among the best scored complexes."""

    score: Literal["confidence_score", "iptm", "ptm", "complex_plddt"] = Field(
        "iptm", description="Ranking score."
    )
    top_fraction: float = Field(0.1, gt=0, lt=1, description="Share of complexes called top.")
    min_size: PositiveInt = Field(3, description="Smallest category that is tested.")


class ReportConfig(_Section):
    """What the report shows."""

    title: str | None = Field(None, description="Title of the page; default: the campaign's name.")
    top: PositiveInt = Field(25, description="Complexes in the table of the best.")


class Config(_Section):
    """One campaign."""

    campaign: str = Field(
        "campaign", description="Name; part of every random seed.", pattern=r"^[A-Za-z0-9._-]{1,80}$"
    )
    results: Path = Field(Path("results"), description="Folder the campaign writes to.")
    seed: int = Field(7, ge=0, lt=2**31, description="Seed of all randomness.")
    complexes: ComplexesConfig
    sequences: SequencesConfig = Field(default_factory=SequencesConfig)
    msa: MsaConfig = Field(default_factory=MsaConfig)
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


def _deciding(section: _Section) -> dict[str, Any]:
    values = section.model_dump(mode="json")
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if HOW in field.metadata:
            del values[name]
        elif isinstance(value, _Section):
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
