"""Run the command line with `python -m foldcp`."""

from foldcp.cli import main

main()
