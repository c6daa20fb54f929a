"""`python -m foldcp.trace --write`: trace anew the coefficients of the plan's memory model."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import yaml

import foldcp.plan.memory as memory
from foldcp.tables.files import atomic_write
from foldcp.trace.fit import coefficients
from foldcp.trace.inference import trace

HEADER = """\
# Bytes that the stages of a prediction take on a rank, above the weights, for each thing that it holds
# (foldcp/plan/memory.py says what). Fitted to traces of the real code: python -m foldcp.trace --write
"""


def main() -> None:
    """Print the coefficients, or write them where the plan reads them."""
    parser = argparse.ArgumentParser(prog="python -m foldcp.trace", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the plan's file; default: print")
    parser.add_argument("--processes", type=int, default=1, help="traces at a time (default: %(default)s)")
    arguments = parser.parse_args()
    with ProcessPoolExecutor(arguments.processes, get_context("spawn")) as pool:
        table = coefficients(_say, lambda cases: pool.map(trace, cases))
    text = HEADER + yaml.safe_dump(table, sort_keys=False)
    if arguments.write:
        with atomic_write(Path(memory.__file__).with_name(memory.COEFFICIENTS)) as handle:
            handle.write(text.encode())
    else:
        print(text, end="")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
