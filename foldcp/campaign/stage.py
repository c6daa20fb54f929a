"""One stage of the campaign, run as a Snakemake script: log file, progress line, errors in plain words."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from foldcp.errors import FoldcpError
from foldcp.tables.files import make_folder

Say = Callable[[str], None]


@contextlib.contextmanager
def stage(name: str, log: Path | str) -> Iterator[Say]:
    """Run the body as stage `name`: what it says goes to stderr and to `log`.

    A `FoldcpError` becomes one line and the error's exit code; any other exception is a defect and keeps its
    traceback, which Snakemake shows.

    Parameters
    ----------
    name
        Stage noun, the prefix of every line.
    log
        Log file; replaced.

    Yields
    ------
    Say
        Function that writes one line.
    """
    path = Path(log)
    make_folder(path.parent)
    start = time.monotonic()
    with path.open("w", encoding="utf-8") as handle:

        def say(line: str) -> None:
            print(f"{name}: {line}", file=sys.stderr, flush=True)
            print(line, file=handle, flush=True)

        try:
            yield say
        except FoldcpError as error:
            say(f"error: {error}")
            sys.exit(int(error.exit_code))
        print(f"finished in {time.monotonic() - start:.1f} s", file=handle)
