"""Calls into Boltz's code."""

import contextlib
import io
import logging
from collections.abc import Iterator

from foldcp.errors import FoldcpError, InputError, is_out_of_memory

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def boltz_at_work(task: str) -> Iterator[None]:
    """Run Boltz's code: its chatter goes to the log; what it trips over in an input is an `InputError`."""
    chatter = io.StringIO()
    try:
        with contextlib.redirect_stdout(chatter):
            yield
    except (FoldcpError, OSError):
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise InputError(f"Boltz-2 cannot {task}: {type(error).__name__}: {error}") from error
    finally:
        if text := chatter.getvalue().strip():
            _log.debug("boltz: %s", text)
