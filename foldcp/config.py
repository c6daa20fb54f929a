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
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from foldcp.errors import InputError, UsageError
from foldcp.tables.provenance import sha256_json

TABLE_FORMATS = ["auto", "corum", "complextab", "mitab", "biogrid", "string", "humap", "csv"]
DEMO_NOTE = "made with demo weights (a small random model): the structures and scores mean nothing"
PositiveInt = Annotated[int, Field(ge=1)]
Score = Literal[
    "iptm",
    "ipsae_max",
    "ipsae_weakest",
    "pdockq_max",
    "pdockq2_max",
    "lis_max",
    "ilis_max",
    "protein_iptm",
    "ligand_iptm",
    "interface_plddt",
    "confidence_score",
    "ranking_score",
    "ptm",
    "complex_plddt",
    "complex_iplddt",
    "n_interfaces",
    "n_contacts",
    "buried_area",
]
"""Columns of the complexes table of which more is better: only those can rank."""


class _How:
    """Marks a key that says where or how to compute: no result depends on it, so a change redoes nothing."""


HOW = _How()


def cache_folder(cache: Path | None = None) -> Path:
    """Return where fetched and built files are kept: `cache`, else $FOLDCP_CACHE, else the user's cache."""
    if cache is not None:
        return cache.expanduser()
    if named := os.environ.get("FOLDCP_CACHE"):
        return Path(named).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "foldcp"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScreenConfig(_Section):
    """Pairs of proteins to fold, instead of a table."""

    baits: Path | None = Field(
        None, description="Proteins, one per line, or a CSV with the columns member,copies,name."
    )
    preys: Path | None = Field(
        None, description="Proteins that each bait is paired with; default: the baits among themselves."
    )
    known: Path | None = Field(
        None, description="Known interactions, a table in any format; such pairs are positive controls."
    )
    homodimers: bool = Field(False, description="Pair a protein with itself, too.")

    @property
    def files(self) -> list[Path]:
        """The files that are given."""
        return [path for path in (self.baits, self.preys, self.known) if path is not None]


class ComplexesConfig(_Section):
    """Which table to read, or which screen to make."""

    table: Path | None = Field(None, description="Table of complexes or interactions.")
    format: Literal["auto", "corum", "complextab", "mitab", "biogrid", "string", "humap", "csv"] = Field(
        "auto", description="Format of the table; auto looks at the header."
    )
    copies: Path | None = Field(
        None,
        description="Your own stoichiometry, a CSV: complex_id,member,copies. It wins over the table.",
    )
    screen: ScreenConfig = Field(default_factory=ScreenConfig, description="Pairs instead of a table.")

    @model_validator(mode="after")
    def _table_or_screen(self) -> "ComplexesConfig":
        if (self.table is None) == (self.screen.baits is None):
            raise ValueError(
                "give complexes.table, a table of complexes, or complexes.screen.baits, a list of proteins "
                f"to pair: one of the two, not {'none' if self.table is None else 'both'}"
            )
        if self.table and self.screen != ScreenConfig():
            raise ValueError("complexes.screen.preys, known and homodimers go with complexes.screen.baits")
        if self.copies and self.table is None:
            raise ValueError("complexes.copies goes with a table; give a screen's lists a column copies")
        return self

    @property
    def files(self) -> list[Path]:
        """The files that are given."""
        own = [path for path in (self.table, self.copies) if path is not None]
        return own + self.screen.files


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


class MmseqsConfig(_Section):
    """A search on this machine or cluster with MMseqs2, as ColabFold does it."""

    program: Annotated[str, HOW] = Field("mmseqs", description="The MMseqs2 program: a name or a path.")
    database: Path | None = Field(
        None,
        description="Database of UniRef's kind, as `mmseqs createdb` or ColabFold's setup made it: its path "
        "without suffix.",
    )
    environmental: Path | None = Field(
        None, description="A second database, of environmental sequences; searched with the first's profiles."
    )
    sensitivity: float = Field(8.0, ge=1, le=9.5, description="Sensitivity (-s): more finds more, slower.")
    iterations: PositiveInt = Field(3, description="Rounds of the profile search.")
    max_seqs: PositiveInt = Field(10_000, description="Most hits of a query that pass the prefilter.")
    gpu: bool = Field(False, description="Search on a GPU; needs MMseqs2 16 or later and padded databases.")
    threads: Annotated[PositiveInt, HOW] = Field(4, description="CPU cores of each search job.")


class MsaServerConfig(_Section):
    """A search by a server that speaks ColabFold's protocol. Your sequences leave your machines."""

    url: str = Field("https://api.colabfold.com", description="Address of the server.")
    environmental: bool = Field(True, description="Search environmental sequences too.")
    filter: bool = Field(True, description="Let the server thin out very deep alignments.")
    contact: Annotated[str | None, HOW] = Field(
        None, description="Your e-mail address, which tells the server's owners whom to write to."
    )
    batch: Annotated[PositiveInt, HOW] = Field(20, description="Sequences per request.")
    requests_per_second: Annotated[float, HOW] = Field(
        0.2, gt=0, le=1, description="Upper limit of the request rate."
    )
    patience_hours: Annotated[float, HOW] = Field(
        12.0, gt=0, description="How long to wait for one request's result."
    )


MSA_PROVIDERS = ["directory", "mmseqs", "server", "none"]
_SEARCHES = {"mmseqs", "server"}


class MsaConfig(_Section):
    """Alignments, one per unique sequence."""

    provider: str = Field(
        "none",
        description="Where alignments come from, tried in this order, e.g. directory,mmseqs,none: directory "
        "(precomputed .a3m files), mmseqs (a search with MMseqs2), server (a ColabFold server), none (fold "
        "the single sequence).",
    )
    directory: Path | None = Field(
        None,
        description="Folder of <accession>.a3m or <sha256 of sequence>.a3m, plain, .gz or .zst.",
    )
    cache: Annotated[Path | None, HOW] = Field(
        None, description="Folder of searched alignments, shared by campaigns; default: the user's cache."
    )
    batch: Annotated[PositiveInt, HOW] = Field(200, description="Sequences that one search job takes.")
    on_failure: Literal["fail", "single"] = Field(
        "fail",
        description="When a sequence gets no alignment: reject its complexes with the reason, or fold it as "
        "a single sequence and flag them.",
    )
    mmseqs: MmseqsConfig = Field(default_factory=MmseqsConfig, description="Settings of provider mmseqs.")
    server: MsaServerConfig = Field(
        default_factory=MsaServerConfig, description="Settings of provider server."
    )

    @property
    def providers(self) -> list[str]:
        """The providers, in the order they are tried."""
        return [name.strip() for name in self.provider.split(",")]

    @property
    def search(self) -> str | None:
        """The provider that searches, or None."""
        return next((name for name in self.providers if name in _SEARCHES), None)

    @model_validator(mode="after")
    def _providers_are_complete(self) -> "MsaConfig":
        names = self.providers
        if unknown := [name for name in names if name not in MSA_PROVIDERS]:
            raise ValueError(f"provider {unknown[0]!r} is unknown; valid: {', '.join(MSA_PROVIDERS)}")
        if len(set(names)) != len(names) or "none" in names[:-1]:
            raise ValueError(f"provider names each once, and none last; got {self.provider!r}")
        if _SEARCHES.issubset(names):
            raise ValueError("provider takes one of mmseqs and server, not both")
        if "directory" in names and self.directory is None:
            raise ValueError("provider 'directory' needs msa.directory: the folder of .a3m files")
        if "mmseqs" in names and self.mmseqs.database is None:
            raise ValueError("provider 'mmseqs' needs msa.mmseqs.database: the database to search")
        return self


class ControlsConfig(_Section):
    """Decoys: complexes of subunits that are not known to meet, to compare scores with."""

    decoys_per_complex: float = Field(
        0, ge=0, le=100, description="Decoys for each complex; 0.5 makes one for every other, 0 makes none."
    )
    length_tolerance: float = Field(
        0.1, ge=0, lt=1, description="Most that a subunit's length may differ from the one it stands for."
    )
    depth_factor: float = Field(
        2.0, ge=1, description="Most that the depths of their alignments may differ, as a factor."
    )
    known_partners: list[Path] = Field(
        default_factory=list,
        description="More tables of interactions, in any format: no decoy holds two of their partners.",
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
    deletions: Literal["kept", "boltz"] = Field(
        "kept", description="Deletions in alignments: kept, or lost as Boltz 2.2.1 loses them."
    )
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
    """What scores mean against controls, and which categories are among the best."""

    score: Score = Field("iptm", description="Ranking score.")
    top_fraction: float = Field(0.1, gt=0, lt=1, description="Share of complexes called top.")
    min_size: PositiveInt = Field(3, description="Smallest category that is tested.")
    scores: list[Score] = Field(
        [
            "iptm",
            "ipsae_max",
            "ipsae_weakest",
            "pdockq_max",
            "pdockq2_max",
            "lis_max",
            "confidence_score",
        ],
        description="Scores held against the decoys.",
        min_length=1,
    )
    min_decoys: PositiveInt = Field(
        50, description="Fewest decoys of a size bin that complexes of the bin are held against."
    )
    candidates_as_negatives: bool = Field(
        False, description="Whether the candidates of a screen count as negatives, beside the decoys."
    )
    bootstrap: int = Field(1000, ge=100, le=100_000, description="Resamples behind each interval.")

    @field_validator("scores")
    @classmethod
    def _each_once(cls, scores: list[str]) -> list[str]:
        if len(scores) != len(set(scores)):
            raise ValueError(f"name each score once, got {scores}")
        return scores


class ReportConfig(_Section):
    """What the report shows."""

    title: str | None = Field(None, description="Title of the page; default: the campaign's name.")
    top: PositiveInt = Field(25, description="Complexes in the table of the best, with maps of chain pairs.")
    viewer_top: int = Field(10, ge=0, description="How many of these also get a 3-D view on the page.")


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
    header = "# Generated from foldcp/config.py by `make schemas`; do not edit.\n"
    return header + yaml.safe_dump(schema, sort_keys=False, allow_unicode=True, width=110)


if __name__ == "__main__":
    print(json_schema(), end="")
