"""Preparation of the next complex while the model folds another.

In a process of its own: parsing and featurizing are Python, which a thread could run only in turns with the
model, and they touch what belongs to a whole process (torch's generator, Boltz's module attributes, standard
output). The process is expendable. Where it fails, for whatever reason, the complex is prepared in its turn,
and an error of the input is met where it belongs.

The process costs some seconds and some 400 MB, so it is started only when preparing complexes in their turn
has cost as much: soon for large ones or long lists, never for a few small ones.
"""

import logging
import pickle
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from foldcp.predict.child import Child, Inbox, Parent
from foldcp.predict.document import Document, read
from foldcp.predict.preparation import Preparation, Prepared
from foldcp.predict.seeds import Seeds
from foldcp.predict.targets import Target

_log = logging.getLogger(__name__)

WORTH = 5.0
"""Seconds of computing that preparing in turn must have cost before the process is started: about what its
start costs. Not seconds of the clock: where a machine has too much to do, more processes are no help."""
_PATIENCE = 60.0
"""Seconds to wait for a preparation that is not ready when its turn comes: one that hangs costs no more."""
_MOST = 8
"""Complexes asked for and not taken, after which something is wrong with the asking, and all are dropped."""


@dataclass(frozen=True)
class Request:
    """A complex to prepare, the campaign and seed that its own seeds derive from, and its limit of rows."""

    target: Target
    campaign: str
    seed: int
    msa_rows: int | None = None


class Ahead:
    """Preparation, ahead where it is asked for in time and worth it.

    Parameters
    ----------
    preparation
        What prepares a complex in this process.
    """

    def __init__(self, preparation: Preparation) -> None:
        self._preparation = preparation
        self._seconds_in_turn = 0.0
        self._child: Child | None = None
        self._inbox: Inbox = SimpleQueue()
        self._asked: list[Target] = []

    def ask(self, request: Request) -> None:
        """Let a complex be prepared, after those asked for before. Returns at once."""
        if self._child is None and self._seconds_in_turn < WORTH:
            return
        if len(self._asked) >= _MOST:
            self.close()
        if self._child is None:
            self._child = self._start()
        self._asked.append(request.target)
        self._child.send(pickle.dumps(request))

    def prepare(
        self, document: Document, target: Target, seeds: Seeds, msa_rows: int | None = None
    ) -> Prepared:
        """Return a complex ready to fold: as it was prepared ahead, or prepared now.

        What was asked for earlier and not taken is dropped. The arguments are those of
        :meth:`foldcp.predict.preparation.Preparation.prepare`.

        Raises
        ------
        InputError
            If Boltz cannot read or featurize it.
        """
        if prepared := self._take(target, seeds, msa_rows):
            return prepared
        started = time.process_time()
        prepared = self._preparation.prepare(document, target.id, seeds, msa_rows)
        self._seconds_in_turn += time.process_time() - started
        return prepared

    def _take(self, target: Target, seeds: Seeds, msa_rows: int | None) -> Prepared | None:
        prepared = None
        while target in self._asked:
            first = self._asked.pop(0)
            prepared = self._answer()
            if first == target:
                break
        # Not so if the file has changed meanwhile, or the settings.
        asked = (seeds, msa_rows)
        return prepared if prepared is not None and (prepared.seeds, prepared.msa_rows) == asked else None

    def close(self) -> None:
        """End the process, and forget what it was asked for."""
        if self._child is not None:
            self._child.end(10)
        self._child, self._inbox, self._asked = None, SimpleQueue(), []

    def _start(self) -> Child:
        import torch

        # As many threads as here, so that sums come out the same to the last bit; a GPU is not needed.
        variables = {"OMP_NUM_THREADS": str(torch.get_num_threads()), "CUDA_VISIBLE_DEVICES": ""}
        child = Child("foldcp.predict.ahead", [], variables, self._inbox)
        own = self._preparation
        child.send(pickle.dumps((own.molecules, own.deletions, own.pairing)))
        return child

    def _answer(self) -> Prepared | None:
        try:
            _, content = self._inbox.get(timeout=_PATIENCE)
        except Empty:
            content = None
        if content is None:
            _log.warning("the process that prepares complexes ahead died or hangs; preparing without it")
            self.close()
            return None
        prepared: Prepared | None = pickle.loads(content)
        return prepared


def _prepare(preparation: Preparation, request: Request) -> Prepared | None:
    try:
        document = read(request.target.input)
        seeds = Seeds(request.campaign, request.seed, document.key())
        return preparation.prepare(document, request.target.id, seeds, request.msa_rows)
    except Exception as error:
        _log.debug("%s cannot be prepared ahead: %s", request.target.id, error)
        return None  # the session will meet the same error, at this complex's turn


def main() -> None:
    """Prepare whatever the parent asks for, until it ends."""
    parent = Parent.from_arguments()
    preparation = Preparation(*pickle.loads(parent.receive()))
    while True:
        parent.send(_prepare(preparation, pickle.loads(parent.receive())))


if __name__ == "__main__":
    main()
