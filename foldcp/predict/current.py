"""What predictions are made with at present, so that anybody can tell which ones count. Imports no torch.

A prediction counts for one run key: its input, the settings and the weights. The settings and the hash of
the weights are the same for all complexes of a campaign, but for the limit of alignment rows, which the plan
has. So one small file beside the ledger is enough to know every run key without opening the weights.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from foldcp.predict.markers import run_key
from foldcp.predict.settings import Settings
from foldcp.tables.files import atomic_write

_FILE = "current.json"


def remember(ledger: Path, settings: Settings, weights_sha256: str) -> None:
    """Write down what predictions are made with from now on, in the folder of the ledger."""
    with atomic_write(ledger / _FILE, "w") as handle:
        json.dump({"settings": settings.to_json(), "weights_sha256": weights_sha256}, handle, indent=1)


def weights(ledger: Path) -> str | None:
    """Return the hash of the weights that predictions are made with; None before the first prediction."""
    path = ledger / _FILE
    if not path.is_file():
        return None
    sha256: str = json.loads(path.read_text(encoding="utf-8"))["weights_sha256"]
    return sha256


def run_keys(
    ledger: Path, input_keys: Mapping[str, str], msa_rows: Mapping[str, int | None] | None = None
) -> dict[str, str]:
    """Return the run key of each complex as it would be predicted now; empty before the first prediction.

    Parameters
    ----------
    ledger
        Folder of the ledger.
    input_keys
        Complex to the hash of its input, as the plan has it.
    msa_rows
        Complex to the most rows of its alignment that it reads, where the plan cuts it.
    """
    path = ledger / _FILE
    if not path.is_file():
        return {}
    made = json.loads(path.read_text(encoding="utf-8"))
    settings = Settings.from_json(made["settings"])
    limits = msa_rows or {}
    return {
        name: run_key(key, replace(settings, msa_rows=limits.get(name)), made["weights_sha256"])
        for name, key in input_keys.items()
    }
