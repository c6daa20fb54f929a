import dataclasses
import subprocess
import sys

import pytest
import torch

from foldcp.demo import arguments
from foldcp.demo.model import build_checkpoint, checkpoint_path
from foldcp.demo.sizes import SIZES
from foldcp.tables.provenance import sha256_file

pytestmark = pytest.mark.model


def test_same_recipe_gives_the_same_bytes_whatever_the_global_generators_say(demo_cache, tmp_path):
    first = build_checkpoint(demo_cache)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    second = build_checkpoint(tmp_path)
    assert sha256_file(first) == sha256_file(second)
    assert torch.equal(before, torch.get_rng_state())


def test_a_changed_recipe_never_finds_an_old_file(demo_cache):
    for change in ({"seed": 1}, {"version": 99}, {"token_z": 32}):
        other = dataclasses.replace(SIZES, **change)
        assert checkpoint_path(demo_cache, other) != checkpoint_path(demo_cache)


def test_no_parameter_is_left_at_a_constant(demo_cache):
    weights = torch.load(build_checkpoint(demo_cache), weights_only=False)["state_dict"]
    dead = [name for name, value in weights.items() if value.numel() > 1 and value.float().std() == 0]
    assert dead == []
    assert sum(value.numel() for value in weights.values()) > 100_000


def test_boltz_own_loader_takes_it(demo_cache):
    from boltz.model.models.boltz2 import Boltz2

    model = Boltz2.load_from_checkpoint(build_checkpoint(demo_cache), strict=True, map_location="cpu")
    assert len(model.pairformer_module.layers) == SIZES.trunk_blocks


def test_arguments_are_those_of_boltz_command_line():
    from boltz import main

    ours = (arguments.DIFFUSION, arguments.STEERING, arguments.PAIRFORMER, arguments.MSA)
    theirs = (main.Boltz2DiffusionParams, main.BoltzSteeringParams, main.PairformerArgsV2, main.MSAModuleArgs)
    for mine, original in zip(ours, theirs, strict=True):
        assert mine == dataclasses.asdict(original())


def test_sizes_are_known_without_torch():
    code = "import sys, foldcp.demo.sizes; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
