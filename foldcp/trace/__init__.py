"""Memory of an inference, found by running the real code on tensors that have no memory: no GPU, seconds.

Importing this package imports no torch; `trace` does.
"""

from foldcp.trace.inference import HIDDEN, RELEASED, Case, Stage, Traced, trace

__all__ = ["HIDDEN", "RELEASED", "Case", "Stage", "Traced", "trace"]
