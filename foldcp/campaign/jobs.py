"""The predict stage: submit the jobs of one bin, follow them, and record an outcome for every complex.

A bin is one rule instance and one row per complex in its ledger table. It goes in rounds: whatever is not
done and deserves a try (`foldcp.predict.retries`) is submitted, on the rung of the ladder out of memory where
it stands (`foldcp.campaign.ladder`), and followed to its end. What is done is known by completion markers
alone, so a rerun submits jobs for what is not done and nothing else; when everything is done it loads no
model and submits no job. Jobs of a process that was killed are followed on, not submitted again.
"""

import contextlib
import fcntl
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from foldcp.campaign.bins import Bin, prepare
from foldcp.campaign.inputs import entities, template_items, write_input
from foldcp.campaign.ladder import Rung, climb
from foldcp.campaign.launch.ends import INTERRUPTED
from foldcp.campaign.launch.follow import follow, terminated_as_interrupt
from foldcp.campaign.launch.launchers import LAUNCHERS, Launcher
from foldcp.campaign.launch.progress import Say
from foldcp.campaign.launch.settle import settle
from foldcp.campaign.launch.submissions import Submissions, readable
from foldcp.campaign.learning import peak_correction
from foldcp.config import Config
from foldcp.errors import InputError
from foldcp.predict.current import remember
from foldcp.predict.ledger import Attempt, Ledger, attempts, compact, now
from foldcp.predict.outcomes import Outcome
from foldcp.predict.pardons import pardons
from foldcp.predict.retries import may_try
from foldcp.predict.shard import ShardSpec, planned
from foldcp.tables import Provenance, read_table, sha256_json, write_table
from foldcp.tables.files import make_folder
from foldcp.tables.schemas import LEDGER, MSA, SEQUENCES, TOKENS


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
        ``06_ledger/<bin>.parquet``, and all attempts to ``06_attempts/<bin>.parquet``.

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
        work = prepare(campaign, bin, config)
        remember(work.ledger, work.settings, work.weights)
        with terminated_as_interrupt():
            _Rounds(work, config, say).run()
        table = _one_row_each(work)
        origin = _provenance(work, config)
        write_table(campaign / "06_attempts" / f"{bin}.parquet", LEDGER, _all_attempts(work), origin)
        write_table(campaign / "06_ledger" / f"{bin}.parquet", LEDGER, table, origin)
    return table


class _Rounds:
    """Rounds of submissions, until no complex of the bin deserves another try."""

    def __init__(self, work: Bin, config: Config, say: Say) -> None:
        self._work, self._config, self._say = work, config, say
        self._began = now()
        self._folder = work.campaign / "logs" / "predict" / work.name
        self._submissions = Submissions(_record_of(work.campaign, work.name))
        self._limits = config.predict.attempts.model_dump()
        self._written: set[str] = set()

    def run(self) -> None:
        """Follow what an earlier process has submitted, then submit what is left, round by round."""
        self._end_bins_of_another_plan()
        left = self._submissions.open()
        for name in {self._config.predict.launcher} | {job.launcher for job in left.values()}:
            jobs = {path: job.job for path, job in left.items() if job.launcher == name}
            self._adopt(self._launcher(name), jobs)
        done = sum(map(self._work.done, self._work.targets))
        self._say(f"{len(self._work.targets)} complexes planned, {done} of them already done")
        while chosen := self._choose():
            self._write_inputs(set(chosen) - self._written)
            self._submit(chosen)

    def _launcher(self, launcher: str, bin: str | None = None) -> Launcher:
        name = f"foldcp-{bin or self._work.name}-{sha256_json(str(self._work.campaign))[:8]}"
        return LAUNCHERS[launcher](self._folder, name, self._config.predict)

    def _end_bins_of_another_plan(self) -> None:
        """Cancel what was left by a process that was killed, under a plan whose bins are no more."""
        for path in (self._work.campaign / "06_ledger").glob(_record_of(Path(), "*").name):
            bin = path.name[1 : -len(".jobs")]
            if bin == self._work.name or bin in self._work.others:
                continue
            submissions = Submissions(path)
            left = submissions.open()
            for launcher in {job.launcher for job in left.values()}:
                self._launcher(launcher, bin).cancel_strays(set())
            for spec_path in left:
                if (spec := readable(spec_path)) is not None:
                    settle(spec, INTERRUPTED)
                submissions.settle(spec_path)

    def _adopt(self, launcher: Launcher, left: dict[Path, str]) -> None:
        """Settle what a process that was killed has left: jobs that still run are followed to their end."""
        specs = {path: spec for path in left if (spec := readable(path)) is not None}
        unfinished = left or not all(map(self._work.done, self._work.targets))
        if unfinished and (strays := launcher.cancel_strays({left[path] for path in specs})):
            self._say(f"cancelled jobs that nobody had written down: {', '.join(strays)}")
        running = {path: spec for path, spec in specs.items() if launcher.outlives_campaign}
        if running:
            launcher.attach(list(running), [left[path] for path in running])
            if not any(map(self._is_wanted, running.values())):
                launcher.cancel()
            self._say(f"following {len(running)} jobs that an earlier run has submitted")
            # Their ends count as this run's.
            self._began = min(self._began, *(spec.submitted_at for spec in running.values()))
            self._follow(launcher, running)
        for path in left.keys() - running.keys():
            if path in specs:
                settle(specs[path], INTERRUPTED)
            self._submissions.settle(path)

    def _is_wanted(self, spec: ShardSpec) -> bool:
        # Inputs, settings or weights may have changed since: then its results would be of no use.
        keys = {target.id: target.run_key for target in self._work.targets}
        return any(keys.get(target.id) == target.run_key for target in spec.targets)

    def _choose(self) -> dict[str, Rung]:
        """Return the complexes that deserve a try, and the rung on which each is to be tried."""
        history = _history(self._work)
        correction = self._correction()
        chosen: dict[str, Rung] = {}
        for target in self._work.targets:
            tried = history[target.id]
            if self._work.done(target) or not may_try(tried, self._limits, self._began):
                continue
            rungs = climb(tried, self._work.rungs)
            fitting = [r for r in rungs if self._work.fits(target, r, correction)]
            # The plan's own choice is tried, even if by what was learnt nothing is large enough.
            if fitting or rungs == self._work.rungs:
                chosen[target.id] = (fitting or rungs)[0]
        return chosen

    def _correction(self) -> float:
        on_cpu = self._config.predict.device == "cpu"
        return peak_correction(a for a in attempts(self._work.ledger) if (a.get("device") == "cpu") == on_cpu)

    def _submit(self, chosen: dict[str, Rung]) -> None:
        """Submit an array of jobs for each rung, and follow them all to their end.

        Together they run as many at once as the bin may. Where that is fewer than there are rungs, the last
        ones are left to the next round.
        """
        launcher = self._launcher(self._config.predict.launcher)
        specs: dict[Path, ShardSpec] = {}
        correction = self._correction()
        if correction > 1:
            self._say(f"measured peaks are {correction:.2f} times the plan's; counting with that")
        rungs = sorted(set(chosen.values()), key=self._work.rungs.index)[: launcher.at_once]
        found = {rung: self._specs(chosen, rung, correction) for rung in rungs}
        shares = share_out(launcher.at_once, [len(its) for its in found.values()])
        try:
            for (rung, its), at_once in zip(found.items(), shares, strict=True):
                specs |= self._submit_rung(launcher, rung, its, at_once)
        except BaseException:
            launcher.cancel()
            for path, spec in specs.items():
                settle(spec, INTERRUPTED)
                self._submissions.settle(path)
            raise
        self._follow(launcher, specs)

    def _specs(self, chosen: dict[str, Rung], rung: Rung, correction: float) -> list[ShardSpec]:
        return self._work.specs(
            {name for name, its in chosen.items() if its == rung},
            rung,
            limits=self._limits,
            peak_correction=correction,
            config_sha256=self._config.sha256("predict"),
        )

    def _submit_rung(
        self, launcher: Launcher, rung: Rung, found: list[ShardSpec], at_once: int | None
    ) -> dict[Path, ShardSpec]:
        specs = {self._folder / _file_name(spec): spec for spec in found}
        for path, spec in specs.items():
            spec.write(path)
        longest = max(sum(target.predicted_seconds for target in spec.targets) for spec in found)
        nodes = self._work.nodes_of(rung)
        jobs = launcher.submit(list(specs), rung.mesh.ranks, nodes, longest, at_once)
        name = self._config.predict.launcher
        self._submissions.add(name, dict(zip(specs, jobs, strict=True)))
        self._say(
            f"submitted {len(specs)} {name} jobs for {sum(len(spec.targets) for spec in found)} complexes "
            f"on mesh {rung.mesh}, budget {rung.budget}; logs in {self._folder}"
        )
        return specs

    def _follow(self, launcher: Launcher, specs: dict[Path, ShardSpec]) -> None:
        paths = list(specs)
        follow(
            launcher,
            list(specs.values()),
            self._say,
            settled=lambda place: self._submissions.settle(paths[place]),
        )

    def _write_inputs(self, names: set[str]) -> None:
        if not names:
            return
        work = self._work
        sequences = read_table(work.campaign / "02_sequences.parquet", SEQUENCES)
        msa = read_table(work.campaign / "03_msa.parquet", MSA)
        molecules = entities(sequences, msa, work.campaign)
        tokens = read_table(work.campaign / "04_tokens.parquet", TOKENS)
        tokens = tokens.select(["complex_id", "chains", "templates"])
        rows = {row["complex_id"]: row for row in tokens.to_pylist() if row["complex_id"] in names}
        if missing := sorted(names.difference(rows)):
            raise InputError(
                f"05_plan.parquet has complexes unknown to 04_tokens.parquet: {missing[:5]}; plan again"
            )
        for target in work.targets:
            if target.id in names:
                row = rows[target.id]
                templates = template_items(row["templates"], work.campaign)
                write_input(target.input, row["chains"], molecules, target.id, templates)
        self._written |= names


def share_out(at_once: int | None, jobs: list[int]) -> list[int | None]:
    """Return how many jobs of each array may run at once, so that together no more than `at_once` do.

    Each gets one, and the rest by the numbers of their `jobs`; without a limit none gets one.
    """
    if at_once is None:
        return [None] * len(jobs)
    return [1 + (at_once - len(jobs)) * count // sum(jobs) for count in jobs]


def _record_of(campaign: Path, bin: str) -> Path:
    return campaign / "06_ledger" / f".{bin}.jobs"


def _file_name(spec: ShardSpec) -> str:
    mesh = "x".join(map(str, spec.settings.mesh))
    return f"{spec.writer()}-{mesh}-{spec.settings.budget}-{spec.submitted_at:%Y%m%dT%H%M%S%f}.json"


def _history(work: Bin) -> dict[str, list[Attempt]]:
    """Return the ended attempts at each complex as it is now, oldest first, since it was pardoned.

    Of all bins: another plan may have put a complex, and its prediction, into another bin.
    """
    keys = {target.id: target.run_key for target in work.targets}
    pardoned = pardons(work.ledger)
    found: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts(work.ledger):
        name = attempt["complex_id"]
        forgotten = name in pardoned and attempt["submitted_at"] < pardoned[name]
        if "outcome" in attempt and attempt["run_key"] == keys.get(name) and not forgotten:
            found[name].append(attempt)
    return found


def _one_row_each(work: Bin) -> pa.Table:
    """Return the last attempt at each complex, after adding a last word where one is missing."""
    history = _history(work)
    ledger: Ledger | None = None
    for target in work.targets:
        last = history[target.id][-1] if history[target.id] else {}
        if (word := _last_word(work, work.done(target), last)) is not None:
            outcome, message, cause = word
            if ledger is None:
                spec = work.specs({target.id}, work.rungs[0])[0]
                ledger = Ledger(work.ledger, f"{work.name}-found", **spec.common())
            ledger.never_started(outcome, message, cause, **planned(target))
    if ledger is not None:
        ledger.close()
        history = _history(work)
    return compact(history[target.id][-1] for target in work.targets)


def _last_word(work: Bin, done: bool, last: Attempt) -> tuple[Outcome, str, str] | None:
    outcome = last.get("outcome")
    if done and outcome != Outcome.DONE:  # predicted by somebody else, or the ledger was removed
        return Outcome.DONE, "found complete", "done"
    if not done and outcome == Outcome.DONE:
        return Outcome.CRASHED, "was predicted, but its files are damaged or gone", "crashed"
    if not done and outcome == Outcome.OOM and "started_at" in last:
        tried = f"{last['mesh']} at budget {last['budget']}"
        return Outcome.OOM, f"{last['message']} (tried last: {tried}; {work.top})", "oom"
    if not done and outcome is None:
        return Outcome.CRASHED, "was never tried", "crashed"
    return None


def _all_attempts(work: Bin) -> pa.Table:
    return compact(attempt for attempt in attempts(work.ledger, work.name))


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
        except OSError as error:  # some network filesystems are mounted without locks
            say(f"no lock on {path} ({error.strerror}): see that no other process predicts this bin")
        yield
