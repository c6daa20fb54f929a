"""Jobs on this machine: each gets the GPUs of its mesh, in the order of submission."""

from pathlib import Path

import pytest

from foldcp.campaign.launch import local
from foldcp.campaign.launch.ends import FINISHED
from foldcp.campaign.launch.launchers import LAUNCHERS
from foldcp.config import PredictConfig
from foldcp.errors import UsageError


class Jobs:
    """Stands in for submitit's executor: a job ends when told, and its task is kept."""

    def __init__(self, folder: Path) -> None:
        self.tasks, self.ended = [], set()

    def update_parameters(self, **parameters) -> None:
        pass

    def submit(self, task):
        self.tasks.append(task)
        return _Job(self, len(self.tasks) - 1)


class _Job:
    def __init__(self, jobs: Jobs, number: int) -> None:
        self.jobs, self.number = jobs, number

    def done(self) -> bool:
        return self.number in self.jobs.ended


@pytest.fixture
def launch(tmp_path, monkeypatch):
    monkeypatch.setattr(local.submitit, "LocalExecutor", Jobs)
    monkeypatch.setattr(local, "_end", lambda job: FINISHED)

    def start(gpus, local_jobs=8, **predict):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)
        return LAUNCHERS["local"](tmp_path, "x", PredictConfig(local_jobs=local_jobs, **predict))

    return start


def specs(count):
    return [Path(f"{number}.json") for number in range(count)]


def shown(launcher):
    return [task.gpus for task in launcher._executor.tasks]


@pytest.mark.parametrize(
    ("gpus", "ranks", "groups"),
    [("0,1,2,3", 1, ["0", "1", "2"]), ("0,1,2,3,4", 2, ["0,1", "2,3"]), ("5,6", 2, ["5,6"])],
)
def test_each_job_gets_the_gpus_of_its_mesh(launch, gpus, ranks, groups):
    launcher = launch(gpus)
    launcher.submit(specs(3), ranks, 1, 60.0)
    assert shown(launcher) == groups


def test_submissions_with_different_meshes_share_the_gpus_in_order(launch):
    launcher = launch("0,1,2,3")
    assert len(set(launcher.submit(specs(3), 1, 1, 60.0) + launcher.submit(specs(2), 2, 1, 60.0))) == 5
    launcher.submit(specs(1), 1, 1, 60.0)
    assert shown(launcher) == ["0", "1", "2"]  # the last one does not pass those that wait for two
    launcher._executor.ended = {1}
    assert launcher.poll() == {1: FINISHED}
    assert shown(launcher)[3:] == ["1,3"]
    launcher._executor.ended = {0, 1, 2, 3}
    assert launcher.poll().keys() == {0, 2, 3}
    assert shown(launcher)[4:] == ["0,1", "2"]
    launcher._executor.ended |= {4, 5}
    assert launcher.poll().keys() == {4, 5} and launcher.poll() == {}


def test_local_jobs_bounds_the_jobs_at_once(launch):
    launcher = launch("0,1,2,3", local_jobs=2)
    launcher.submit(specs(4), 1, 1, 60.0)
    assert shown(launcher) == ["0", "1"]
    cpu = launch("0,1", local_jobs=3, device="cpu")
    cpu.submit(specs(4), 16, 1, 60.0)
    assert shown(cpu) == ["", "", ""]


def test_a_machine_with_too_few_gpus_says_what_to_do(launch):
    with pytest.raises(UsageError, match="has 1; set plan"):
        launch("0").submit(specs(1), 4, 1, 60.0)


@pytest.mark.parametrize("name", ["debug", "local"])
def test_jobs_that_end_with_their_campaign_are_never_adopted(launch, name, tmp_path):
    launcher = LAUNCHERS[name](tmp_path, "x", PredictConfig())
    assert not launcher.outlives_campaign and launcher.cancel_strays(set()) == []
    with pytest.raises(NotImplementedError):
        launcher.attach(specs(1), ["7"])
    assert launcher.poll() == {}
