"""One bin of the plan as work: its complexes, where they are to be predicted, and what is done already."""

import dataclasses
from collections import defaultdict
from pathlib import Path
from typing import Any

from foldcp.campaign.ladder import Rung, ladder
from foldcp.config import Config, PredictConfig
from foldcp.errors import unknown_choice
from foldcp.plan import Workload
from foldcp.plan.depth import limit_of
from foldcp.plan.gpus import Gpu, get_gpu
from foldcp.plan.memory import peak_bytes
from foldcp.plan.mesh import Mesh
from foldcp.plan.time import predicted_seconds
from foldcp.plan.workload import Size
from foldcp.predict import checkpoint
from foldcp.predict.ledger import now
from foldcp.predict.markers import MARKER, is_done, run_key
from foldcp.predict.settings import Settings
from foldcp.predict.shard import ShardSpec, ShardTarget
from foldcp.tables import read_table
from foldcp.tables.schemas import PLAN, TOKENS


@dataclasses.dataclass(frozen=True)
class Bin:
    """The work of one bin.

    Attributes
    ----------
    name, campaign
        Name of the bin, and folder of the campaign.
    others
        The other bins of the plan.
    shards
        Complexes by shard, as the plan has them.
    sizes
        Size of each complex, with the rows of its alignment that are read.
    settings
        How to predict, on the bin's own mesh.
    weights
        Hash of the checkpoint.
    nodes
        Machines that one mesh of the bin takes.
    rungs
        The ladder out of memory, from the plan's choice upwards.
    gpu
        GPU model that the plan counts with.
    workload
        What is asked of the model.
    """

    name: str
    campaign: Path
    others: frozenset[str]
    shards: dict[int, list[ShardTarget]]
    sizes: dict[str, Size]
    settings: Settings
    weights: str
    nodes: int
    rungs: list[Rung]
    gpu: Gpu
    workload: Workload
    _verified: dict[str, tuple[int, int]] = dataclasses.field(default_factory=dict, compare=False)

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

    @property
    def top(self) -> str:
        """What a complex that is too large for every rung needs."""
        return (
            f"the largest that the plan allows is {self.rungs[-1].mesh}; raise plan.max_ranks, or take GPUs "
            "with more memory"
        )

    def done(self, target: ShardTarget) -> bool:
        """Return whether the prediction is complete and whole."""
        marker = self.predictions / target.id / MARKER
        try:
            found = marker.stat()
        except OSError:
            return False
        seen = (found.st_mtime_ns, found.st_size)
        # Every file is hashed once by this process, not once in every round.
        if self._verified.get(target.id) != seen and is_done(marker.parent, target.run_key):
            self._verified[target.id] = seen
        return self._verified.get(target.id) == seen

    def nodes_of(self, rung: Rung) -> int:
        """Return how many machines one mesh takes on a rung."""
        return self.nodes if rung.mesh == self.rungs[0].mesh else rung.mesh.nodes(self.gpu.gpus_per_node)

    def fits(self, target: ShardTarget, rung: Rung, correction: float) -> bool:
        """Return whether a complex should fit on a rung, by the plan's model times a correction.

        One whose alignment is cut to what fits on the plan's own rung is taken to fit there, whatever the
        correction: it would get more GPUs, but none of the rows. If it runs out of memory, it climbs.
        """
        if target.msa_rows is not None and rung == self.rungs[0]:
            return True
        return correction * self._on(target, rung).predicted_peak_bytes <= self.gpu.usable_bytes

    def specs(self, names: set[str], rung: Rung, **values: Any) -> list[ShardSpec]:
        """Return the shards cut down to the complexes `names`, on a rung; `values` go into each."""
        settings = dataclasses.replace(self.settings, mesh=rung.mesh.shape, budget=rung.budget)
        at = now()
        cut = {n: [t for t in targets if t.id in names] for n, targets in self.shards.items()}
        return [
            ShardSpec(
                bin=self.name,
                shard=number,
                targets=tuple(self._on(target, rung) for target in targets),
                settings=settings,
                predictions=self.predictions,
                ledger=self.ledger,
                submitted_at=at,
                **values,
            )
            for number, targets in cut.items()
            if targets
        ]

    def _on(self, target: ShardTarget, rung: Rung) -> ShardTarget:
        """Return a complex with what the plan's models expect of it on a rung.

        The rows of its alignment stay those of the plan, though more may fit: the structure depends on them.
        """
        if rung == self.rungs[0]:
            return target
        size, workload = self.sizes[target.id], dataclasses.replace(self.workload, budget=rung.budget)
        return dataclasses.replace(
            target,
            predicted_peak_bytes=peak_bytes(size, workload, rung.mesh),
            predicted_seconds=predicted_seconds(size, workload, rung.mesh, self.gpu),
        )


def prepare(campaign: Path, name: str, config: Config) -> Bin:
    """Return the work of one bin of the plan.

    Parameters
    ----------
    campaign
        Campaign folder.
    name
        Name of the bin.
    config
        Campaign configuration.

    Raises
    ------
    UsageError
        If the plan has no such bin, or the GPU model is unknown.
    MissingError
        If the weights are absent.
    """
    plan = read_table(campaign / "05_plan.parquet", PLAN).to_pylist()
    rows = sorted(
        (row for row in plan if row["bin"] == name), key=lambda row: (row["shard"], row["position"])
    )
    if not rows:
        raise unknown_choice("bin of the plan", name, sorted({row["bin"] for row in plan}))
    mesh = Mesh(rows[0]["mesh_rows"], rows[0]["mesh_cols"])
    settings = settings_of(config, mesh.shape)
    weights = checkpoint.find(settings).sha256
    shards = defaultdict(list)
    for row in rows:
        shards[row["shard"]].append(_target(row, campaign / "06_predictions", settings, weights))
    gpu = get_gpu(rows[0]["gpu"], config.plan.gpus)
    return Bin(
        name=name,
        campaign=campaign,
        others=frozenset(row["bin"] for row in plan) - {name},
        shards=dict(shards),
        sizes=_sizes(campaign, {row["complex_id"]: row["msa_rows"] for row in rows}),
        settings=settings,
        weights=weights,
        nodes=rows[0]["n_nodes"],
        rungs=ladder(Rung(settings.budget, mesh), config.plan, gpu),
        gpu=gpu,
        workload=Workload.of(config.predict),
    )


def settings_of(config: Config, mesh: tuple[int, int] = (1, 1)) -> Settings:
    """Return the prediction settings of a campaign on one mesh."""
    shared = {field.name for field in dataclasses.fields(Settings)} & set(PredictConfig.model_fields)
    values = {name: getattr(config.predict, name) for name in shared}
    values |= config.msa.model_dump(include={"pairing", "max_rows", "max_paired"})
    return Settings(**values, seed=config.seed, campaign=config.campaign, mesh=mesh)


def _target(row: dict[str, Any], predictions: Path, settings: Settings, weights: str) -> ShardTarget:
    msa_rows = limit_of(row)
    return ShardTarget(
        id=row["complex_id"],
        input=predictions / row["complex_id"] / f"{row['complex_id']}.yaml",
        input_key=row["input_key"],
        run_key=run_key(row["input_key"], dataclasses.replace(settings, msa_rows=msa_rows), weights),
        predicted_peak_bytes=row["predicted_peak_bytes"],
        predicted_seconds=row["predicted_seconds"],
        role=row["role"],
        msa_rows=msa_rows,
    )


def _sizes(campaign: Path, msa_rows: dict[str, int]) -> dict[str, Size]:
    columns = ["complex_id", "n_tokens", "n_atoms", "n_templates"]
    tokens = read_table(campaign / "04_tokens.parquet", TOKENS).select(columns).to_pylist()
    return {
        name: Size(row["n_tokens"], row["n_atoms"], msa_rows[name], row["n_templates"])
        for row in tokens
        if (name := row["complex_id"]) in msa_rows
    }
