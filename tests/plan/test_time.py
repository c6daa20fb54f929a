from dataclasses import replace

import pytest

from foldcp.plan import time
from foldcp.plan.gpus import get_gpu
from foldcp.plan.memory import peak_bytes
from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import BOLTZ2, DEMO, Size, Workload

WORKLOAD = Workload()
ONE = Mesh()
SIZE = Size(1024, 8 * 1024)


def _seconds(
    workload: Workload = WORKLOAD, size: Size = SIZE, mesh: Mesh = ONE, gpu: str = "h100-80gb"
) -> float:
    return time.predicted_seconds(size, workload, mesh, get_gpu(gpu))


def test_pair_block_counts_every_multiply_add():
    n, c = 10, 4
    multiplication = n * n * 6 * c * c + n**3 * c
    attention = n * n * 5 * c * 64 + n**3 * 2 * 64
    transition = n * n * 12 * c * c
    logits = 2 * 2 * n**3  # two attentions of two heads
    expected = 2 * (2 * multiplication + 2 * attention + transition) + 50 * logits
    assert time.pair_block_flops(n, c, heads=2) == expected


def test_alphafold3_timings_on_h100_give_the_assumed_throughput():
    """AlphaFold 3's published 144 s at 2048 tokens: 48 + 4 blocks, 11 passes, 5 samples of 200 steps."""
    size = Size(2048, 8 * 2048)
    blocks = replace(BOLTZ2, pairformer_blocks=48)
    work = 11 * time.trunk_flops(size, blocks) + 1000 * time.diffusion_flops(size, blocks)
    assert work / 144 / 1e12 * 2 / 3 == pytest.approx(get_gpu("h100-80gb").tflops.bf16, rel=0.15)


def test_measured_pairformer_layer_on_two_cores():
    """10.1 s at 512 tokens, fp32, on two cores; the plan counts on one."""
    seconds = time.pair_block_flops(512, 128, heads=4) / get_gpu("cpu").flops_per_second("fp32")
    assert 2 * 10.1 < seconds < 3 * 10.1


@pytest.mark.parametrize(("tokens", "measured"), [(40, 0.5), (120, 2.2), (250, 9.0), (400, 30.0)])
def test_measured_demo_predictions_on_one_core(tokens, measured):
    """Seconds of one core, demo model, 3 recycles, 20 steps, fp32; within a factor of two."""
    workload = Workload(steps=20, precision="fp32", model="demo")
    seconds = _seconds(workload, Size(tokens, 8 * tokens), gpu="cpu")
    assert measured / 2 < seconds < measured * 2


@pytest.mark.parametrize("field", ["samples", "recycles", "steps"])
def test_more_work_takes_longer(field):
    assert _seconds(replace(WORKLOAD, **{field: getattr(WORKLOAD, field) + 5})) > _seconds()


def test_deeper_alignment_takes_longer():
    assert _seconds(size=replace(SIZE, msa_depth=4096)) > 1.05 * _seconds()


def test_each_template_takes_its_blocks():
    """The trunk runs one template of zeros where there is none."""
    none, one, many = (replace(SIZE, templates=number) for number in (0, 1, 24))
    assert _seconds(size=none) == _seconds(size=one)
    block = time.pair_block_flops(SIZE.tokens, BOLTZ2.template_dim, BOLTZ2.triangle_heads)
    blocks = 23 * BOLTZ2.template_blocks
    more = time.trunk_flops(many, BOLTZ2) - time.trunk_flops(one, BOLTZ2)
    assert more == pytest.approx(blocks * block)
    passes = WORKLOAD.recycles + 1
    seconds = more / get_gpu("h100-80gb").flops_per_second(WORKLOAD.precision)
    seconds += blocks * time.OVERHEADS.layer_seconds
    assert _seconds(size=many) - _seconds(size=one) == pytest.approx(passes * seconds)


def test_templates_take_time_and_no_memory():
    size = replace(SIZE, templates=24)
    assert peak_bytes(size, WORKLOAD, ONE) == peak_bytes(SIZE, WORKLOAD, ONE)


def test_cost_becomes_cubic():
    assert 6.5 < _seconds(size=Size(8192, 65536)) / _seconds(size=Size(4096, 32768)) < 8


def test_more_ranks_are_faster_but_not_for_free():
    one, eight = _seconds(), _seconds(mesh=Mesh(2, 4))
    assert one / 8 < eight < one


def test_demo_model_is_small():
    assert _seconds(replace(WORKLOAD, model="demo"), gpu="cpu") < 0.01 * _seconds(gpu="cpu")
    assert Workload(model="own.ckpt").sizes is BOLTZ2
    assert Workload(model="demo").sizes is DEMO
