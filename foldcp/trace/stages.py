"""Which part of the model is running, learnt from the calls of its modules: the model itself says nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch.nn.modules import module as hooks

from foldcp.layers import PairformerLayer
from foldcp.layers.input_embedder import InputEmbedder
from foldcp.layers.msa_module import MSAModule
from foldcp.layers.pair_stack import PairStack
from foldcp.layers.template import TemplateModule
from foldcp.mesh import LiveBytes
from foldcp.model.confidence import Confidence
from foldcp.model.diffusion import Denoiser, DiffusionConditioning

BETWEEN = "between"
"""What runs between the modules below: recycling, distogram, the sampler's own arithmetic."""
STAGES = {
    InputEmbedder: "input embedder",
    TemplateModule: "templates",
    MSAModule: "alignment",
    PairformerLayer: "pairformer",
    DiffusionConditioning: "conditioning",
    Denoiser: "diffusion",
    Confidence: "confidence",
}
"""Modules whose memory is told apart. Where they nest, the outer one counts, except for `WITHIN`."""
WITHIN = {(MSAModule, PairStack): "alignment pairs"}
"""Stages of their own within a stage. In one half of the alignment's, rows cost most, in the other pairs: its
peak is the larger of two linear costs, and one linear cost is up to 18 % off."""


@dataclass
class StageWatch:
    """Tells `live` which stage runs, and notes the bytes that were alive when each began, at most."""

    live: LiveBytes
    before: dict[str, int] = field(default_factory=dict)
    _running: list[tuple[Any, str]] = field(default_factory=list)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every call of a module inside."""
        self.live.stage = BETWEEN
        handles = [
            hooks.register_module_forward_pre_hook(self._enter),
            hooks.register_module_forward_hook(self._leave),
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _enter(self, module: Any, _: Any) -> None:
        if self._running:
            name = WITHIN.get((type(self._running[-1][0]), type(module)))
        else:
            name = STAGES.get(type(module))
        if name is not None:
            self._running.append((module, name))
            self.live.stage = name
            self.before[name] = max(self.before.get(name, 0), self.live.now())

    def _leave(self, module: Any, _: Any, __: Any) -> None:
        if self._running and module is self._running[-1][0]:
            self._running.pop()
            self.live.stage = self._running[-1][1] if self._running else BETWEEN
