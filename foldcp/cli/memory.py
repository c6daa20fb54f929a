"""`foldcp memory`: what one inference needs on each GPU, traced on tensors that have no memory."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from foldcp.plan.memory import MAX_MSA_ROWS
from foldcp.plan.mesh import Mesh, squarest

if TYPE_CHECKING:
    from foldcp.trace import Case, Traced

_GPU_COUNTS = (1, 2, 4, 8, 16, 64)
"""How many GPUs `--largest` looks at."""
_GB = 1e9


def memory(
    tokens: Annotated[int, typer.Option(min=1, help="Tokens of the complex; with --largest a first guess.")],
    atoms: Annotated[int | None, typer.Option(min=1, help="Heavy atoms; default: 8 per token.")] = None,
    msa: Annotated[int, typer.Option(min=1, max=MAX_MSA_ROWS, help="Rows of the alignment.")] = 1024,
    samples: Annotated[int, typer.Option(min=1, help="Structures to draw.")] = 1,
    templates: Annotated[int, typer.Option(min=0, help="Templates.")] = 0,
    mesh: Annotated[str, typer.Option(help="Mesh of GPUs, rows x columns.")] = "1x1",
    precision: Annotated[str, typer.Option(help="fp32, bf16-mixed or bf16.")] = "bf16-mixed",
    budget: Annotated[str, typer.Option(help="Memory for intermediates: small, medium or large.")] = "small",
    gpu: Annotated[str, typer.Option(help="GPU model, a key of config/gpus.yaml.")] = "h100-80gb",
    largest: Annotated[
        bool, typer.Option("--largest", help="Also find the largest complex for 1 to 64 GPUs; minutes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Trace the memory of one inference with the released Boltz-2: peak bytes of the worst GPU, by module.

    The code that predicts runs on tensors that have a shape and no memory: this needs neither a GPU nor
    weights.

    \b
    Example:
      foldcp memory --tokens 6500 --mesh 1x1
      foldcp memory --tokens 12000 --atoms 96000 --msa 4096 --mesh 2x4 --precision bf16 --json
      foldcp memory --tokens 2000 --largest
    """
    from foldcp.plan.gpus import get_gpu
    from foldcp.trace import Case, trace

    limit, shape = get_gpu(gpu).usable_bytes, Mesh.parse(mesh)
    case = Case(
        n_tokens=tokens,
        n_atoms=8 * tokens if atoms is None else atoms,
        n_sequences=msa,
        n_templates=templates,
        n_samples=samples,
        mesh=(shape.rows, shape.cols),
        precision=precision,
        budget=budget,
    )
    traced = trace(case)
    if not as_json:
        typer.echo(_table(traced, gpu, limit))
    found = _find_largest(case, limit) if largest else []
    if as_json:
        typer.echo(json.dumps(_record(traced) | {"largest": [_record(each) for each in found]}, indent=2))
    elif found:
        typer.echo(_largest_table(found, gpu, limit))


def _find_largest(case: "Case", limit: int) -> list["Traced"]:
    from foldcp.trace.largest import largest

    found: list[Traced] = []
    for count in _GPU_COUNTS:
        mesh = squarest(count)
        # The pairs of a rank are what counts: the same tile is a good guess for every mesh.
        before = found[-1].case if found else case
        factor = (mesh.ranks / (before.mesh[0] * before.mesh[1])) ** 0.5
        guess = replace(
            before,
            n_tokens=max(mesh.cols, int(before.n_tokens * factor)),
            n_atoms=max(mesh.cols, round(before.n_atoms * factor)),
            mesh=(mesh.rows, mesh.cols),
        )
        found.append(largest(guess, limit))
        print(f"{count} GPUs: {found[-1].case.n_tokens} tokens", file=sys.stderr, flush=True)
    return found


def _table(traced: "Traced", gpu: str, limit: int) -> str:
    from foldcp.trace import HIDDEN

    case = traced.case
    p, q = case.mesh
    rows = [("stage", "at its start", "at its peak", "per pair")]
    rows += [
        (
            stage.name,
            f"{stage.before / _GB:.2f} GB",
            f"{stage.peak / _GB:.2f} GB",
            f"{stage.peak / case.pairs:.0f} B",
        )
        for stage in traced.stages
    ]
    rows += [
        (
            "largest of these",
            "",
            f"{traced.activations / _GB:.2f} GB",
            f"{traced.activations / case.pairs:.0f} B",
        ),
        ("weights", "", f"{traced.weights / _GB:.2f} GB", ""),
        ("not traced", "", f"{HIDDEN / _GB:.2f} GB", ""),
        ("total", "", f"{traced.total / _GB:.2f} GB", f"{traced.total / case.pairs:.0f} B"),
    ]
    fits = traced.total <= limit
    verdict = "fits" if fits else "does NOT fit"
    remedy = [] if fits else [_remedy(case, limit)]
    return "\n".join(
        [
            f"{case.n_tokens} tokens, {case.n_atoms} atoms, {case.n_sequences} alignment rows, "
            f"{case.n_templates} templates, {case.n_samples} samples; {p}x{q} mesh, {case.precision}, "
            f"budget {case.budget}",
            f"worst rank: {case.pairs} pairs of tokens",
            "",
            _aligned(rows),
            "",
            f"{verdict} the {limit / _GB:.1f} GB of {gpu} that a plan may fill",
            *remedy,
            "traced: every tensor that the real code makes at the released sizes, without allocating it; "
            "blocks, recycling passes and steps beyond the second are taken to be the same again",
            "not traced but a constant: CUDA context and libraries, workspaces, buffers of messages; the "
            "allocator's fragmentation is left to what a plan does not fill",
        ]
    )


def _remedy(case: "Case", limit: int) -> str:
    """Return whether fewer rows of the alignment would help, by the plan's model."""
    from foldcp.plan import Workload
    from foldcp.plan.depth import rows_that_fit
    from foldcp.plan.workload import Size

    size = Size(case.n_tokens, case.n_atoms, case.n_sequences)
    workload = Workload(samples=case.n_samples, precision=case.precision, budget=case.budget)
    rows = rows_that_fit(size, workload, Mesh(*case.mesh), limit)
    if not rows:
        return "nor would it with fewer rows of alignment; what helps: a larger mesh"
    return f"with the first {rows} rows of its alignment it would (--msa-rows; a plan cuts by itself)"


def _largest_table(found: list["Traced"], gpu: str, limit: int) -> str:
    case = found[0].case
    rows = [("GPUs", "mesh", "largest complex", "total", "per pair")]
    rows += [
        (
            f"{each.case.mesh[0] * each.case.mesh[1]}",
            f"{each.case.mesh[0]}x{each.case.mesh[1]}",
            f"{each.case.n_tokens} tokens",
            f"{each.total / _GB:.1f} GB",
            f"{each.activations / each.case.pairs:.0f} B",
        )
        for each in found
    ]
    head = f"largest complexes on {gpu} ({limit / _GB:.1f} GB), {case.precision}, budget {case.budget}"
    return f"\n{head}, each traced:\n{_aligned(rows)}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    )


def _record(traced: "Traced") -> dict[str, Any]:
    totals = {"activations": traced.activations, "total": traced.total, "pairs": traced.case.pairs}
    return asdict(traced) | totals
