"""Time, memory and bytes of layers at the released widths, on a mesh and serial, in one run.

Run one serial process with P threads, or P gloo ranks with one thread each, alternately, so that both see the
same machine:

    python benchmarks/pairformer_layer.py --tokens 512 --meshes 1x1 2x2 --budgets small medium large

Time is the fastest of the repeats, barrier to barrier; CPU seconds, summed over ranks, are what to compare on
a machine that others use too. Peak is live tensor bytes above inputs and weights on the worst rank, in kB per
pair of that rank's tile; the serial peak is per pair of the whole.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from boltz.model.layers.pairformer import PairformerLayer as SerialLayer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from foldcp.layers import PairformerLayer
from foldcp.mesh import Mesh, Place, peak_live_bytes

TOKEN_S, TOKEN_Z, HEADS = 384, 128, 16
MIB = 2**20


def serial_layer() -> SerialLayer:
    """Return a Pairformer layer of the released size, every parameter random."""
    generator = torch.Generator().manual_seed(0)
    layer = SerialLayer(TOKEN_S, TOKEN_Z, HEADS, v2=True).eval()
    for parameter in layer.parameters():
        scale = parameter.shape[-1] ** -0.5 if parameter.ndim > 1 else 0.1
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = noise * scale + (parameter.ndim == 1)
    return layer


def inputs(n_tokens: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return s, z and their masks; 5 % of the tokens are masked."""
    generator = torch.Generator().manual_seed(1)
    s = torch.randn(n_tokens, TOKEN_S, generator=generator)
    z = torch.randn(n_tokens, n_tokens, TOKEN_Z, generator=generator)
    mask = (torch.rand(n_tokens, generator=generator) < 0.95).float()
    return s, z, mask, mask[:, None] * mask


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


def run_serial(n_tokens: int, threads: int, repeats: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    layer, (s, z, mask, pair_mask) = serial_layer(), inputs(n_tokens)
    chunk = 128 if n_tokens > 384 else 512  # Boltz's own chunking of triangle attention

    def call() -> Any:
        return layer(s[None], z[None], mask[None], pair_mask[None], chunk_size_tri_attn=chunk)

    with torch.no_grad():
        times = fastest(call, repeats, lambda: None)
        (s_out, z_out), peak = peak_live_bytes(call)
    return {**times, "per_pair": peak / n_tokens**2, "s": s_out[0], "z": z_out[0]}


def run_rank(
    rank: int, p: int, q: int, n_tokens: int, threads: int, budget: str, repeats: int, store: str, folder: str
) -> None:
    torch.set_num_threads(threads)
    if p * q > 1:
        dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=p * q)
    mesh = Mesh.create(p, q)
    layer, (s, z, mask, pair_mask) = PairformerLayer(serial_layer()), inputs(n_tokens)
    rows, columns = mesh.rows(n_tokens), mesh.columns(n_tokens)
    place = Place.create(mesh, n_tokens, budget)
    original, pair_mask = z[rows, columns].clone(), pair_mask[rows, columns].clone()
    mine = original.clone()
    with torch.no_grad():
        times = fastest(
            lambda: layer(s, mine, mask, pair_mask, place),
            repeats,
            lambda: dist.barrier() if p * q > 1 else None,
        )
        mesh.tally.clear()
        (s_out, z_out), peak = peak_live_bytes(layer, s, original.clone(), mask, pair_mask, place)
    torch.save(
        {
            **times,
            "per_pair": peak / (original.shape[0] * original.shape[1]),
            "sent": mesh.tally.total_bytes(),
            "messages": sum(mesh.tally.messages.values()),
            "s": s_out,
            "z": z_out,
            "cut": (rows, columns),
        },
        f"{folder}/{rank}.pt",
    )


def run_mesh(
    p: int, q: int, n_tokens: int, threads: int, budget: str, repeats: int, folder: Path
) -> list[Any]:
    """Run all ranks of a mesh and return what each measured."""
    store = folder / f"store-{p}x{q}-{budget}-{time.time_ns()}"
    os.environ["OMP_NUM_THREADS"] = str(threads)
    arguments = (p, q, n_tokens, threads, budget, repeats, str(store), str(folder))
    mp.spawn(run_rank, arguments, nprocs=p * q)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(p * q)]


def parity(serial: dict[str, Any], ranks: list[dict[str, Any]]) -> float:
    """Return the largest error of s and z, relative to the largest value."""
    errors = []
    for rank in ranks:
        rows, columns = rank["cut"]
        for got, expected in ((rank["s"], serial["s"]), (rank["z"], serial["z"][rows, columns])):
            errors.append(((got - expected).abs().max() / expected.abs().max()).item())
    return max(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=512)
    parser.add_argument("--meshes", nargs="+", default=["1x1", "2x2"])
    parser.add_argument("--budgets", nargs="+", default=["small", "medium", "large"])
    parser.add_argument("--threads", type=int, default=2, help="cores to use: threads of serial and of 1x1")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(
        f"Pairformer layer, N = {options.tokens}, fp32, torch {torch.__version__}, {options.threads} cores\n"
    )
    print("| run | budget | s | of serial | CPU s | of serial | kB per pair | MiB sent | messages | error |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for mesh in options.meshes:
        p, q = map(int, mesh.split("x"))
        threads = options.threads if p * q == 1 else 1
        for budget in options.budgets:
            serial = run_serial(options.tokens, options.threads, options.repeats)
            with tempfile.TemporaryDirectory() as folder:
                ranks = run_mesh(p, q, options.tokens, threads, budget, options.repeats, Path(folder))
            print(table_row(mesh, budget, serial, ranks), flush=True)
    print(
        f"| serial | – | {serial['seconds']:.2f} | 1.00 | {serial['cpu']:.2f} | 1.00 | "
        f"{serial['per_pair'] / 1000:.2f} | 0 | 0 | – |"
    )


def table_row(mesh: str, budget: str, serial: dict[str, Any], ranks: list[dict[str, Any]]) -> str:
    seconds, cpu = max(rank["seconds"] for rank in ranks), sum(rank["cpu"] for rank in ranks)
    cells = [
        mesh,
        budget,
        f"{seconds:.2f}",
        f"{seconds / serial['seconds']:.2f}",
        f"{cpu:.2f}",
        f"{cpu / serial['cpu']:.2f}",
        f"{max(rank['per_pair'] for rank in ranks) / 1000:.2f}",
        f"{max(rank['sent'] for rank in ranks) / MIB:.0f}",
        str(max(rank["messages"] for rank in ranks)),
        f"{parity(serial, ranks):.1e}",
    ]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main()
