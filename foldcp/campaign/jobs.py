"""The predict stage: submit the jobs of one bin, follow them, and record an outcome for every complex.

A bin is one rule instance, one submission and one row per complex in its ledger table. What is done is known
by completion markers alone, so a rerun submits jobs for what is not done and nothing else; when everything is
done it loads no model and submits no job.
"""

import contextlib
import dataclasses
import fcntl
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from foldcp.campaign.inputs import entities, write_input
from foldcp.campaign.launch.follow import follow
from foldcp.campaign.launch.launchers import LAUNCHERS
from foldcp.campaign.launch.progress import Say
from foldcp.config import Config, PredictConfig
from foldcp.errors import InputError, unknown_choice
from foldcp.predict import checkpoint
from foldcp.predict.ledger import Attempt, Ledger, attempts, compact, latest, now
from foldcp.predict.markers import is_done, run_key
from foldcp.predict.outcomes import Outcome
from foldcp.predict.settings import Settings
from foldcp.predict.shard import ShardSpec, ShardTarget, planned
from foldcp.tables import Provenance, read_table, write_table
from foldcp.tables.files import make_folder
from foldcp.tables.schemas import LEDGER, MSA, PLAN, SEQUENCES, TOKENS

MAX_SUBMISSIONS = 3
"""Submissions of one bin: a job that was killed leaves complexes for the next one."""


@dataclasses.dataclass(frozen=True)
class Bin:
    """The work of one bin: shards of targets, and how and where to predict them."""

    name: str
    campaign: Path
    shards: dict[int, list[ShardTarget]]
    settings: Settings
    weights: str
    nodes: int

    @property
    def predictions(self) -> Path:
        """Folder of predictions."""
        return self.campaign / "06_predictions"

    @property
    def ledger(self) -> Path:
        """Folder of the ledger's event files."""
        return self.predictions / "ledger"

    @property
    def targets(self) -> list[ShardTarget]:
        """Every complex of the bin."""
        return [target for shard in self.shards.values() for target in shard]

    def done(self, target: ShardTarget) -> bool:
        """Return whether the prediction is complete and whole."""
        return is_done(self.predictions / target.id, target.run_key)

    def specs(self, names: set[str]) -> list[ShardSpec]:
        """Return the shards cut down to the complexes `names`."""
        at = now()
        cut = {n: tuple(t for t in targets if t.id in names) for n, targets in self.shards.items()}
        return [
            ShardSpec(self.name, n, targets, self.settings, self.predictions, self.ledger, at)
            for n, targets in cut.items()
            if targets
        ]


def run_bin(campaign: Path, bin: str, config: Config, say: Say | None = None) -> pa.Table:
    """Predict every complex that the plan puts into one bin.

    Parameters
    ----------
    campaign
        Campaign folder with the plan, the tokens, the sequences and the alignments.
    bin
        Name of the bin in the plan.
    config
        Campaign configuration; `config.predict.launcher` says where jobs run.
    say
        Where progress goes, a line at a time; default: stderr.

    Returns
    -------
    pa.Table
        LEDGER rows, exactly one per complex of the bin: its last attempt. Also written to
        ``06_ledger/<bin>.parquet``.

    Raises
    ------
    InputError
        If a table is absent or the plan has no such bin.
    MissingError
        If the weights, or the launcher's programs, are absent.
    """
    say = say or (lambda line: print(f"predict {bin}: {line}", file=sys.stderr, flush=True))
    campaign = Path(campaign).absolute()
    with _only_one(campaign / "06_ledger" / f".{bin}.lock", say):
        work = _prepare(campaign, bin, config)
        todo = {target.id for target in work.targets if not work.done(target)}
        say(f"{len(work.targets)} complexes planned, {len(work.targets) - len(todo)} of them already done")
        if todo:
            _write_inputs(work, todo)
        for _ in range(MAX_SUBMISSIONS):
            if not todo:
                break
            todo = _submit(work, todo, config, say)
        table = _one_row_each(work)
        write_table(campaign / "06_ledger" / f"{bin}.parquet", LEDGER, table, _provenance(work, config))
    return table


def settings_of(config: Config, mesh: tuple[int, int] = (1, 1)) -> Settings:
    """Return the prediction settings of a campaign on one mesh."""
    shared = {field.name for field in dataclasses.fields(Settings)} & set(PredictConfig.model_fields)
    values = {name: getattr(config.predict, name) for name in shared}
    return Settings(**values, seed=config.seed, campaign=config.campaign, mesh=mesh)


def _prepare(campaign: Path, name: str, config: Config) -> Bin:
    plan = read_table(campaign / "05_plan.parquet", PLAN).to_pylist()
    rows = sorted(
        (row for row in plan if row["bin"] == name), key=lambda row: (row["shard"], row["position"])
    )
    if not rows:
        raise unknown_choice("bin of the plan", name, sorted({row["bin"] for row in plan}))
    settings = settings_of(config, (rows[0]["mesh_rows"], rows[0]["mesh_cols"]))
    weights = checkpoint.find(settings).sha256
    shards = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["shard"], row["position"])):
        shards[row["shard"]].append(
            ShardTarget(
                id=row["complex_id"],
                input=campaign / "06_predictions" / row["complex_id"] / f"{row['complex_id']}.yaml",
                input_key=row["input_key"],
                run_key=run_key(row["input_key"], settings, weights),
                predicted_peak_bytes=row["predicted_peak_bytes"],
                predicted_seconds=row["predicted_seconds"],
            )
        )
    return Bin(name, campaign, dict(shards), settings, weights, rows[0]["n_nodes"])


def _write_inputs(work: Bin, names: set[str]) -> None:
    sequences = read_table(work.campaign / "02_sequences.parquet", SEQUENCES)
    msa = read_table(work.campaign / "03_msa.parquet", MSA)
    molecules = entities(sequences, msa, work.campaign)
    tokens = read_table(work.campaign / "04_tokens.parquet", TOKENS)
    chains = dict(zip(tokens["complex_id"].to_pylist(), tokens["chains"].to_pylist(), strict=True))
    if missing := sorted(names.difference(chains)):
        raise InputError(
            f"05_plan.parquet has complexes unknown to 04_tokens.parquet: {missing[:5]}; plan again"
        )
    for target in work.targets:
        if target.id in names:
            write_input(target.input, chains[target.id], molecules)


def _submit(work: Bin, todo: set[str], config: Config, say: Say) -> set[str]:
    """Submit jobs for `todo`, follow them to their end, and return what deserves another job."""
    specs = work.specs(todo)
    folder = work.campaign / "logs" / "predict" / work.name
    paths = [folder / f"{spec.writer()}-{spec.submitted_at:%Y%m%dT%H%M%S}.json" for spec in specs]
    for spec, path in zip(specs, paths, strict=True):
        spec.write(path)
    rows, cols = work.settings.mesh
    longest = max(sum(target.predicted_seconds for target in spec.targets) for spec in specs)
    launcher = LAUNCHERS[config.predict.launcher](folder, f"foldcp-{work.name}", config.predict)
    launcher.submit(paths, rows * cols, work.nodes, longest)
    say(f"submitted {len(specs)} {config.predict.launcher} jobs for {len(todo)} complexes; logs in {folder}")
    return follow(launcher, specs, say)


def _one_row_each(work: Bin) -> pa.Table:
    found = _last_attempts(work)
    gaps = [t for t in work.targets if work.done(t) and found.get(t.id, {}).get("outcome") != Outcome.DONE]
    if gaps:  # predicted by somebody else, or the ledger was removed
        spec = work.specs({target.id for target in gaps})[0]
        ledger = Ledger(work.ledger, f"{work.name}-found", **spec.common())
        for target in gaps:
            ledger.never_started(Outcome.DONE, "found complete", **planned(target))
        ledger.close()
        found = _last_attempts(work)
    return compact(found[target.id] for target in work.targets)


def _last_attempts(work: Bin) -> dict[str, Attempt]:
    # Of all bins: another plan may have put a complex, and its prediction, into another bin.
    keys = {target.id: target.run_key for target in work.targets}
    return latest(
        a for a in attempts(work.ledger) if a["run_key"] == keys.get(a["complex_id"]) and "outcome" in a
    )


def _provenance(work: Bin, config: Config) -> Provenance:
    return Provenance.of_files(
        *(work.campaign / f"{name}.parquet" for name in ("02_sequences", "03_msa", "04_tokens", "05_plan")),
        config_sha256=config.sha256("predict"),
        weights_sha256=work.weights,
        seed=config.seed,
        note=config.note,
    )


@contextlib.contextmanager
def _only_one(path: Path, say: Say) -> Iterator[None]:
    # A killed Snakemake leaves this process behind, following its jobs; a rerun must wait, not submit again.
    make_folder(path.parent)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another process is predicting this bin; waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
