"""Time, memory and bytes of one layer, or of all of them, on a mesh and serial, in one run.

A benchmark of this kind is a `Case`. One serial process with P threads and P gloo ranks with one thread each
run alternately, so that both see the same machine.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from boltz.data import const
from torch import Tensor, nn

from foldcp.mesh import Mesh, peak_live_bytes
from foldcp.mesh.cuts import size

TOKEN_S, TOKEN_Z, MSA_S, HEADS = 384, 128, 64, 16
SEQUENCES = 128
MIB = 2**20

Arrays: TypeAlias = dict[str, Tensor]
Inputs: TypeAlias = dict[str, Any]
"""Arrays, mostly."""

COLUMNS = (
    "run",
    "budget",
    "s",
    "of serial",
    "CPU s",
    "of serial",
    "peak MiB",
    "kB per pair",
    "MiB sent",
    "messages",
    "error",
)
METHOD = """\
Serial is Boltz with its own chunking, one process with {threads} threads. A mesh is one gloo rank per process
with one thread each (1x1: {threads} threads). Seconds: the faster of {repeats} runs, barrier to barrier; CPU
seconds are summed over ranks. Peak: live tensor bytes above inputs and weights on the worst rank, and per
pair of that rank's tile (the serial peak per pair of the whole). Sent: by the worst rank. Error: largest
difference from serial, relative to the largest value. N = {tokens}, fp32, torch {torch}.
"""


@dataclass(frozen=True)
class Case:
    """A serial layer, its inputs by name, and its call on the whole of them and on tiles.

    Outputs have the names of the inputs that they update. Arrays are cut over mesh rows and columns, but for
    those named in `whole`, which every rank holds. `tokens`, `meshes` and `repeats` are what is measured
    unless other numbers are asked for.
    """

    title: str
    build: Callable[[], nn.Module]
    inputs: Callable[[int], Inputs]
    serial: Callable[[nn.Module, Inputs], Arrays]
    on_mesh: Callable[[nn.Module, Inputs, Mesh, str], Arrays]
    whole: frozenset[str] = frozenset()
    tokens: int = 512
    meshes: tuple[str, ...] = ("1x1", "2x2")
    repeats: int = 2

    def cuts(self, inputs: Inputs, mesh: Mesh) -> dict[str, tuple[slice, ...]]:
        """Return which part of each array this rank holds, where it is not the whole."""
        return {
            name: (mesh.rows(x.shape[0]), mesh.columns(x.shape[1]))
            for name, x in inputs.items()
            if name not in self.whole
        }


@dataclass(frozen=True)
class Setting:
    """How one measurement is made."""

    n_tokens: int
    threads: int
    repeats: int


def randomized(layer: nn.Module) -> nn.Module:
    """Return the layer for evaluation with every parameter random: Boltz starts many at zero."""
    generator = torch.Generator().manual_seed(0)
    for parameter in layer.parameters():
        scale = parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 0.1
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = noise * scale + (parameter.ndim == 1)
    return layer.eval()


def random_arrays(n_tokens: int, shapes: dict[str, tuple[int, ...]]) -> Arrays:
    """Return normal arrays of the shapes, and masks of tokens and pairs; 5 % of the tokens are masked."""
    generator = torch.Generator().manual_seed(1)
    arrays = {name: torch.randn(*shape, generator=generator) for name, shape in shapes.items()}
    mask = (torch.rand(n_tokens, generator=generator) < 0.95).float()
    return arrays | {"mask": mask, "pair_mask": mask[:, None] * mask}


def chunked(n_tokens: int) -> bool:
    """Say whether Boltz would work in its smaller chunks."""
    return n_tokens > const.chunk_size_threshold


def fastest(call: Callable[[], Any], repeats: int, barrier: Callable[[], Any]) -> dict[str, float]:
    """Return the least wall and the least CPU seconds of some calls."""
    wall, cpu = [], []
    for _ in range(repeats):
        barrier()
        start, cpu_start = time.perf_counter(), time.process_time()
        call()
        cpu.append(time.process_time() - cpu_start)
        barrier()
        wall.append(time.perf_counter() - start)
    return {"seconds": min(wall), "cpu": min(cpu)}


def run_serial(case: Case, setting: Setting) -> dict[str, Any]:
    torch.set_num_threads(setting.threads)
    layer, arrays = case.build(), case.inputs(setting.n_tokens)
    with torch.no_grad():
        times = fastest(lambda: case.serial(layer, arrays), setting.repeats, lambda: None)
        out, peak = peak_live_bytes(case.serial, layer, arrays)
    return {**times, "peak": peak, "per_pair": peak / setting.n_tokens**2, "out": out}


def run_rank(
    rank: int, case: Case, setting: Setting, shape: tuple[int, int], budget: str, folder: str
) -> None:
    torch.set_num_threads(setting.threads)
    p, q = shape
    if p * q > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=p * q)
    mesh = Mesh.create(p, q)
    layer, whole = case.build(), case.inputs(setting.n_tokens)
    cuts = case.cuts(whole, mesh)

    def copies() -> Inputs:  # without gradients, layers write into their tiles
        return {name: x[cuts[name]].clone() if name in cuts else x for name, x in whole.items()}

    mine = copies()
    with torch.no_grad():
        barrier = dist.barrier if p * q > 1 else lambda: None
        times = fastest(lambda: case.on_mesh(layer, mine, mesh, budget), setting.repeats, barrier)
        mesh.tally.clear()
        out, peak = peak_live_bytes(case.on_mesh, layer, copies(), mesh, budget)
    sent = {"sent": mesh.tally.total_bytes(), "messages": sum(mesh.tally.messages.values())}
    n_pairs = size(mesh.rows(setting.n_tokens)) * size(mesh.columns(setting.n_tokens))
    memory = {"peak": peak, "per_pair": peak / n_pairs}
    torch.save({**times, **sent, **memory, "out": out, "cuts": cuts}, f"{folder}/{rank}.pt")


def run_mesh(case: Case, setting: Setting, shape: tuple[int, int], budget: str) -> list[dict[str, Any]]:
    """Run all ranks of a mesh and return what each measured."""
    os.environ["OMP_NUM_THREADS"] = str(setting.threads)
    n_ranks = shape[0] * shape[1]
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(run_rank, (case, setting, shape, budget, folder), nprocs=n_ranks)
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(n_ranks)]


def error(serial: dict[str, Any], ranks: list[dict[str, Any]]) -> float:
    """Return the largest error of any output, relative to the output's largest value."""
    errors = []
    for rank in ranks:
        for name, got in rank["out"].items():
            expected = serial["out"][name]
            part = expected[rank["cuts"].get(name, ())]
            errors.append((got - part).abs().max() / expected.abs().max())
    return max(errors).item()


def table(
    case: Case, tokens: int, meshes: Sequence[str], budgets: Sequence[str], threads: int, repeats: int
) -> str:
    """Measure a case on meshes and budgets; return the table with its explanation."""
    lines = [
        METHOD.format(threads=threads, repeats=repeats, tokens=tokens, torch=torch.__version__),
        f"| {' | '.join(COLUMNS)} |",
        "|---" * len(COLUMNS) + "|",
    ]
    for mesh in meshes:
        p, q = map(int, mesh.split("x"))
        setting = Setting(tokens, threads if p * q == 1 else 1, repeats)
        for budget in budgets:
            serial = run_serial(case, Setting(tokens, threads, repeats))
            lines.append(_row(mesh, budget, serial, run_mesh(case, setting, (p, q), budget)))
            print(lines[-1], flush=True)
    lines.append(
        f"| serial | – | {serial['seconds']:.2f} | 1.00 | {serial['cpu']:.2f} | 1.00 | "
        f"{serial['peak'] / MIB:.0f} | {serial['per_pair'] / 1000:.2f} | 0 | 0 | – |"
    )
    return "\n".join(lines)


def _row(mesh: str, budget: str, serial: dict[str, Any], ranks: list[dict[str, Any]]) -> str:
    seconds, cpu = max(rank["seconds"] for rank in ranks), sum(rank["cpu"] for rank in ranks)
    cells = [
        mesh,
        budget,
        f"{seconds:.2f}",
        f"{seconds / serial['seconds']:.2f}",
        f"{cpu:.2f}",
        f"{cpu / serial['cpu']:.2f}",
        f"{max(rank['peak'] for rank in ranks) / MIB:.0f}",
        f"{max(rank['per_pair'] for rank in ranks) / 1000:.2f}",
        f"{max(rank['sent'] for rank in ranks) / MIB:.0f}",
        str(max(rank["messages"] for rank in ranks)),
        f"{error(serial, ranks):.1e}",
    ]
    return "| " + " | ".join(cells) + " |"


def measure(case: Case, arguments: Sequence[str] = ()) -> str:
    """Return the table of a case as command-line arguments, if any, want it."""
    parser = argparse.ArgumentParser(description=case.title)
    parser.add_argument("--tokens", type=int, default=case.tokens)
    parser.add_argument("--meshes", nargs="+", default=case.meshes)
    parser.add_argument("--budgets", nargs="+", default=["small", "medium"])
    parser.add_argument("--threads", type=int, default=2, help="cores to use: threads of serial and of 1x1")
    parser.add_argument("--repeats", type=int, default=case.repeats)
    options = parser.parse_args(arguments)
    return table(case, options.tokens, options.meshes, options.budgets, options.threads, options.repeats)
