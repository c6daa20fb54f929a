"""The other keepers: processes that start their share of the ranks when the driver says so."""

import itertools
import time

from foldcp.errors import FoldcpError
from foldcp.predict.ranks import keys
from foldcp.predict.ranks.local import LocalRanks
from foldcp.predict.ranks.messages import Failure
from foldcp.predict.ranks.world import World

_TICK = 0.5
"""Seconds between two looks at the store."""


def follow(world: World) -> None:
    """Keep this process's share of every mesh that the driver starts, until there is no more to do.

    Raises
    ------
    FoldcpError
        If the driver ends without saying so.
    """
    from torch.distributed import DistError

    try:
        for generation in map(str, itertools.count(1)):
            while not world.has(keys.start(generation)):
                if world.has(keys.END):
                    # The store goes with the driver, which waits for this word.
                    world.post(keys.farewell(world.keeper))
                    return
                time.sleep(_TICK)
            _keep(generation, world)
    except DistError as error:
        raise FoldcpError(f"the process that leads this one has ended without a word ({error})") from error


def _keep(generation: str, world: World) -> None:
    """Keep ranks from the driver's start to its stop."""
    ranks = LocalRanks(world.read(keys.start(generation)), generation, world)
    try:
        world.post(keys.acknowledged(generation, world.keeper))
        while not world.has(keys.stop(generation)):
            world.store.add(keys.beats(generation, world.keeper), 1)
            for message in ranks.receive(_TICK):
                if isinstance(message, Failure):
                    number = world.store.add(keys.failures(generation), 1)
                    world.post(keys.failure(generation, number), message)
    finally:
        ranks.kill()
