#!/usr/bin/env sh
# Create .venv in the clone and install foldcp into it. Called by `make setup`; PYTHON chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."

usable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

python=""
for candidate in ${PYTHON:-} python3.11 python3.12 python3; do
    if usable "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    echo "setup: foldcp needs Python 3.11 or 3.12 with the venv module; none was found." >&2
    echo "setup: on Debian or Ubuntu: apt-get install python3 python3-venv; or set PYTHON=/path/to/python3.11" >&2
    exit 4
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "setup: installing foldcp into .venv (a few minutes the first time)" >&2
# pip reports what it ignores on every line; errors still show.
.venv/bin/pip install --quiet --quiet --disable-pip-version-check -c envs/constraints.txt torch==2.13.0
.venv/bin/pip install --quiet --quiet --disable-pip-version-check -c envs/constraints.txt -e '.[analysis,dev]'
