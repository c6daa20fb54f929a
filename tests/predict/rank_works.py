"""What the ranks of the tests do. Apart from the tests, because a rank imports it by name."""

import ctypes
import os
import signal
import sys
import time

import torch

from foldcp.errors import InputError, MissingError
from foldcp.mesh import all_reduce
from foldcp.predict.outcomes import NumericalError, cause_of, classify
from foldcp.predict.ranks import Ranks, World, follow
from foldcp.predict.ranks.messages import SILENCE


def build(mesh, device, offset=0):
    """Each rank acts as the job says, then all add up a vector that shows who took part."""
    rank = mesh.everyone.index

    def work(job, say):
        say(f"rank {rank} works on {device}")
        act(job.get("acts", {}).get(rank))
        mine = torch.zeros(3, mesh.size, dtype=torch.int64)
        mine[:, rank] = torch.tensor([rank + offset, os.getpid(), int(job.get("data", torch.zeros(1)).sum())])
        facts = all_reduce(mine, mesh, "everyone")
        return dict(zip(("values", "pids", "sums"), facts.tolist(), strict=True))

    return work


def act(what):
    if what == "memory":
        weight = bytearray(200_000_000)
        raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to allocate 2 GiB beside {len(weight)}")
    if what == "bug":
        raise KeyError("token")
    if what == "input":
        raise InputError("x.yaml: chain A is empty")
    if what == "nan":
        raise NumericalError("z is not finite")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "segfault":
        ctypes.string_at(0)
    if what == "sleep":
        time.sleep(600)
    if what == "nap":
        time.sleep(3)
    if what == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)


def build_without_model(mesh, device):
    if mesh.everyone.index == 1:
        raise MissingError("no weights here")
    return build(mesh, device)


def drive(shape, jobs, silence=SILENCE):
    """Run jobs as the program would under a launcher, and print how each ended."""
    with World.from_environment(os.environ) as world:
        if world.follows:
            follow(world)
            print("followed to the end", flush=True)
            return
        quiet = {"say": lambda text: None, "silence": silence}
        with Ranks(shape, build, device="cpu", threads=1, world=world, **quiet) as ranks:
            for acts in jobs:
                try:
                    done = ranks.run({"acts": acts})
                    print("done", done["values"], "pids", *done["pids"], flush=True)
                except Exception as error:
                    print(type(error).__name__, cause_of(error), *classify(error), flush=True)
                if "sleep" in acts.values():
                    sys.exit("woke up")


def drive_and_sleep(shape):
    """Print the process ids of the ranks, then wait for a job that does not end."""
    drive(shape, [{}, {0: "sleep"}])
