"""`foldcp plan`: how much of a table a cluster can fold, on which meshes, in how many GPU-hours."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foldcp.cli.options import (
    BinsOption,
    DepthOption,
    FastaOption,
    LeastRowsOption,
    LengthsOption,
    TableOption,
)
from foldcp.cli.source import (
    BaitsOption,
    CopiesOption,
    FormatOption,
    HomodimersOption,
    PreysOption,
    read_source,
)
from foldcp.config import PlanConfig, ScreenConfig, SequencesConfig
from foldcp.errors import UsageError, unknown_choice

if TYPE_CHECKING:
    import pyarrow as pa

    from foldcp.campaign.ingested import Ingested
    from foldcp.campaign.tokens import Counted
    from foldcp.plan import Planned, Workload

_DEFAULT = PlanConfig()
_BINS = ",".join(map(str, _DEFAULT.bins))
_PRECISIONS = ["fp32", "bf16-mixed", "bf16"]


def plan(
    table: TableOption = None,
    fasta: FastaOption = None,
    lengths: LengthsOption = None,
    format: FormatOption = "auto",
    copies: CopiesOption = None,
    baits: BaitsOption = None,
    preys: PreysOption = None,
    homodimers: HomodimersOption = False,
    gpu: Annotated[str, typer.Option(help="GPU model, a key of the GPU file.")] = _DEFAULT.gpu,
    gpus: Annotated[Path | None, typer.Option(help="Your own GPU models, as in config/gpus.yaml.")] = None,
    max_ranks: Annotated[int, typer.Option(min=1, max=4096, help="Most GPUs for one complex.")] = 64,
    msa: DepthOption = 1,
    min_msa_rows: LeastRowsOption = _DEFAULT.min_msa_rows,
    bins: BinsOption = _BINS,
    shard_minutes: Annotated[
        float, typer.Option(help="Wall time a job should fill.")
    ] = _DEFAULT.shard_minutes,
    model: Annotated[str, typer.Option(help="demo, boltz2, or the path of a checkpoint.")] = "boltz2",
    samples: Annotated[int, typer.Option(min=1, help="Structures per complex.")] = 1,
    recycles: Annotated[int, typer.Option(min=0, help="Recycling passes of the trunk.")] = 3,
    steps: Annotated[int, typer.Option(min=2, help="Diffusion steps.")] = 200,
    precision: Annotated[str, typer.Option(help=f"Arithmetic: {', '.join(_PRECISIONS)}.")] = "bf16-mixed",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The plan, as Parquet.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="Rejected rows with the reason, as Parquet.")] = None,
) -> None:
    """Plan a campaign and print its coverage: tokens, complexes, share, mesh, GPUs, GPU-hours.

    Give sequences (--fasta) or, faster, lengths (--lengths). Nothing is predicted. With --baits,
    plan the pairs of a screen instead of a table.

    \b
    Example:
      foldcp plan --table allComplexes.txt --lengths uniprot_lengths.tsv --gpu h100-80gb -o plan.parquet
    """
    from foldcp.plan import Workload, make_plan
    from foldcp.predict.settings import check_model

    if (lengths is None) == (not fasta):
        raise UsageError("give sequences with --fasta or lengths with --lengths, one of the two")
    if precision not in _PRECISIONS:
        raise unknown_choice("precision", precision, _PRECISIONS)
    check_model(model)
    config = PlanConfig(
        bins=_edges(bins),
        gpus=gpus,
        gpu=gpu,
        max_ranks=max_ranks,
        min_msa_rows=min_msa_rows,
        shard_minutes=_positive(shard_minutes),
    )
    workload = Workload(samples, recycles, steps, precision, model)
    screen = ScreenConfig(baits=baits, preys=preys, homodimers=homodimers)
    ingested, files = read_source(table, format, copies, screen)
    counted = _count(ingested, fasta or [], lengths, msa)
    planned = make_plan(counted.tokens, config, workload)
    lost = [ingested.rejected, counted.rejected, planned.rejected]
    _write(planned, lost, [*files, *(fasta or []), *([lengths] if lengths else [])], output, rejected)
    typer.echo(_summary(ingested, counted, planned, config, workload))


def _edges(text: str) -> list[int]:
    """Return ascending bin edges from `512,1024`."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(f"--bins {text!r}: expected token counts joined by commas, e.g. 512,1024,2048")
    edges = [int(part) for part in parts]
    if edges != sorted(set(edges)):
        raise UsageError(f"--bins {text!r}: the edges must ascend")
    return edges


def _positive(minutes: float) -> float:
    if not 0 < minutes < float("inf"):
        raise UsageError(f"--shard-minutes {minutes}: expected more than 0")
    return minutes


def _count(ingested: "Ingested", fasta: list[Path], lengths: Path | None, msa: int) -> "Counted":
    """Run the stages between reading and the plan; every complex gets an alignment of `msa` rows."""
    import pyarrow as pa

    from foldcp.campaign.sequences import resolve, resolve_lengths
    from foldcp.campaign.tokens import count

    config = SequencesConfig(fasta=fasta)
    if lengths is not None:
        resolved = resolve_lengths(ingested.complexes, lengths)
    else:
        resolved = resolve(ingested.complexes, config)
    counted = count(ingested.complexes, resolved.sequences, resolved.unresolved, None, config)
    place = counted.tokens.schema.get_field_index("msa_depth")
    field = counted.tokens.schema.field(place)
    depths = pa.array([msa] * counted.tokens.num_rows, field.type)
    return counted._replace(tokens=counted.tokens.set_column(place, field, depths))


def _write(
    planned: "Planned", lost: list["pa.Table"], inputs: list[Path], output: Path | None, rejected: Path | None
) -> None:
    import pyarrow as pa

    from foldcp.tables import Provenance, write_table
    from foldcp.tables.schemas import PLAN, REJECTED

    if output is None and rejected is None:
        return
    origin = Provenance.of_files(*(path for path in inputs if path.is_file()))
    if output is not None:
        write_table(output, PLAN, planned.plan, origin)
    if rejected is not None:
        write_table(rejected, REJECTED, pa.concat_tables(lost), origin)


def _summary(
    ingested: "Ingested", counted: "Counted", planned: "Planned", config: PlanConfig, workload: "Workload"
) -> str:
    from foldcp.plan import coverage, render
    from foldcp.plan.coverage import cut_line

    rows = coverage(counted.tokens, planned.plan)
    cut = cut_line(planned.plan)
    lines = [
        _breakdown(ingested, counted, planned),
        "",
        f"GPU {config.gpu}, at most {config.max_ranks} per complex; model {workload.model}, "
        f"{workload.samples} x {workload.steps} steps, {workload.recycles} recycles, {workload.precision}",
        "",
        render(rows) if rows else "nothing can be predicted",
        "",
        f"in all {sum(row.shards for row in rows)} jobs, {sum(row.gpu_hours for row in rows):.1f} GPU-hours "
        "(memory and time are estimates)",
        *([cut] if cut else []),
    ]
    if rows:
        share = f"share: of the {counted.tokens.num_rows} complexes of known size"
        lines.append(f"complexes: planned, up to this size; {share}")
    return "\n".join(lines)


def _breakdown(ingested: "Ingested", counted: "Counted", planned: "Planned") -> str:
    """Return what became of the rows of the table: each is in exactly one of the last four lines."""
    n_planned = counted.tokens.num_rows - planned.rejected.num_rows
    lines = [
        ("rows in", ingested.n_rows, ""),
        ("complexes", ingested.complexes.num_rows, ""),
        ("  planned", n_planned, f"{planned.plan.num_rows} predictions; equal complexes share one"),
        ("  too large", planned.rejected.num_rows, _reasons(planned.rejected)),
        ("  without known length", counted.rejected.num_rows, _reasons(counted.rejected)),
        ("unreadable", ingested.rejected.num_rows, _reasons(ingested.rejected)),
    ]
    width = max(len(name) for name, _, _ in lines)
    return "\n".join(f"{name:<{width}}  {n:>8}  {remark}".rstrip() for name, n, remark in lines)


def _reasons(rejected: "pa.Table") -> str:
    counts = Counter(rejected["reason_code"].to_pylist()).most_common()
    return ", ".join(f"{code} {n}" for code, n in counts)
