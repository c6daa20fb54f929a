"""How the work is cut and done: size bins, launcher, model, SLURM, tries."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, StrictStr, field_validator

from foldcp.config.section import HOW, PositiveInt, Section


class PlanConfig(Section):
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
    min_msa_rows: PositiveInt = Field(
        2048,
        description="Rows of an alignment for which a complex may take more GPUs; rows beyond are left out "
        "where memory is short.",
    )
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


class SlurmConfig(Section):
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


class AttemptsConfig(Section):
    """How often one complex is tried, by what ended its tries; `foldcp retry` starts the count anew."""

    killed: PositiveInt = Field(2, description="Its process died: a signal, a crash of the program.")
    hung: PositiveInt = Field(2, description="One of its processes stopped answering.")
    cancelled: PositiveInt = Field(2, description="Somebody cancelled its job (scancel).")
    timeout: PositiveInt = Field(3, description="Its job reached its time limit.")
    preempted: PositiveInt = Field(10, description="Another job took its place.")
    node_failure: PositiveInt = Field(3, description="Its machine failed.")


class PredictConfig(Section):
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
