"""Run all benchmarks, or those named, and write what they saw to benchmarks/results/."""

import argparse
import platform
from pathlib import Path

from benchmarks import (
    dag,
    fold,
    inference,
    msa,
    msa_layer,
    msa_rows,
    outer_product_mean,
    pairformer_layer,
    pairing,
    plan,
    scores,
)
from foldcp.tables.provenance import code_version

RESULTS = Path(__file__).parent / "results"
MODULES = {
    module.__name__.rpartition(".")[2]: module
    for module in (
        *(plan, dag, msa, pairing, msa_rows, scores, fold),
        *(pairformer_layer, msa_layer, outer_product_mean, inference),
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(MODULES))
    names = parser.parse_args().names
    if unknown := set(names) - set(MODULES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    RESULTS.mkdir(exist_ok=True)
    for name in names or MODULES:
        module = MODULES[name]
        head = f"# {module.__doc__.strip().splitlines()[0]}\n\n`python -m benchmarks {name}`, "
        machine = f"foldcp {code_version()}, {platform.machine()}, Python {platform.python_version()}."
        text = f"{head}{machine}\n\n{module.run()}\n"
        (RESULTS / f"{name}.md").write_text(text)
        print(text)


main()
