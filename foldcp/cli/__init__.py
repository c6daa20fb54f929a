"""The `foldcp` command. One module per subcommand; heavy imports happen inside the functions."""

import sys
from typing import NoReturn

from foldcp.cli.app import app
from foldcp.errors import FoldcpError


def main() -> NoReturn:
    """Run the command line; a mendable error is one line on stderr and its documented exit code."""
    try:
        app()
    except FoldcpError as error:
        print(f"foldcp: error: {error}", file=sys.stderr)
        sys.exit(int(error.exit_code))
    sys.exit(0)
