"""Run every benchmark and write what it saw to benchmarks/results/."""

import platform
from pathlib import Path

from benchmarks import fold, plan
from foldcp.tables.provenance import code_version

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    RESULTS.mkdir(exist_ok=True)
    for module in (plan, fold):
        name = module.__name__.rpartition(".")[2]
        head = (
            f"# {module.__doc__.strip().splitlines()[0]}\n\n`python -m benchmarks`, foldcp {code_version()}, "
        )
        text = f"{head}{platform.machine()}, Python {platform.python_version()}.\n\n{module.run()}\n"
        (RESULTS / f"{name}.md").write_text(text)
        print(text)


main()
