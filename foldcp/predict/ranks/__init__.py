"""The processes that hold a mesh of ranks, and their failures.

The *driver* parses, featurizes, writes files and keeps the ledger. It never takes part in the communication
of the ranks, so nothing that happens to a rank can hang it. The ranks are processes that do nothing but the
model; they are expendable (crash-only): when one of them fails or dies, all are killed, the driver raises a
typed error that names the rank, and the next job starts fresh ones. A process that hangs is known by its
silence: ranks send their keeper a beat every few seconds, and followers count theirs in the store.

    driver = keeper 0 ── pipes ── its ranks ┐
       │ store (TCP)                        ├─ torch.distributed
    keeper 1 .. ──────── pipes ── its ranks ┘

A *keeper* starts ranks, watches them and kills them. On one machine the driver is the only keeper. When
torchrun or srun has started several processes of the program, each is the keeper of as many consecutive
ranks; the first is the driver as well, and the others `follow` it. The store is the ranks' rendezvous and the
keepers' notice board. Each start of a mesh has a number, its *generation*, which begins all its keys.

Whoever loses its keeper ends: a rank when its pipe closes or the driver ends the generation, a follower when
the store is gone.

Importing this package imports no torch.
"""

from foldcp.predict.outcomes import KeeperError, RankError
from foldcp.predict.ranks.driver import Ranks
from foldcp.predict.ranks.follower import follow
from foldcp.predict.ranks.messages import Say, Work
from foldcp.predict.ranks.world import World

__all__ = ["KeeperError", "RankError", "Ranks", "Say", "Work", "World", "follow"]
