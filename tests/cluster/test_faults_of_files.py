"""Faults of files: a full disk, a prediction half written, a corrupt marker, a corrupt checkpoint."""

import shutil
import subprocess

import pytest
from cluster.harness import BIG, ask
from mini_campaign import GOOD

from foldcp.demo.model import build_checkpoint

pytestmark = [pytest.mark.slurm, pytest.mark.model]


@pytest.fixture
def small_disk(campaign):
    """A disk with room for tiny predictions only, where the campaign puts them."""
    folder = campaign.folder / "06_predictions"
    folder.mkdir(parents=True)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"no small disk: mount is not permitted here ({done.stderr.strip()})")
    yield folder
    ask("umount", "--lazy", str(folder))


def test_a_full_disk_half_a_prediction_and_a_corrupt_marker(campaign, small_disk):
    campaign.write({"large": BIG, "a": GOOD, "b": GOOD[:1], "c": GOOD[1:]}, [["large", "a"], ["b", "c"]])
    campaign.run()
    assert campaign.ends("large") == [("crashed", "disk_full")]
    assert "the disk is full" in campaign.table()["large"]["message"]
    assert all(campaign.ends(name) == [("done", "done")] for name in "abc")

    ask("mount", "-o", "remount,size=64m", str(small_disk))
    (small_disk / "a" / "a_model_0.cif").write_text("data_a\n_entry.id")
    (small_disk / "b" / "done.json").write_text('{"run_key": ')
    campaign.run()
    assert campaign.ends("large") == [("crashed", "disk_full"), ("done", "done")]
    assert campaign.ends("a") == campaign.ends("b") == [("done", "done")] * 2
    assert campaign.ends("c") == [("done", "done")]
    assert {row["outcome"] for row in campaign.table().values()} == {"done"}
    campaign.assert_rerun_does_nothing()


def test_a_corrupt_checkpoint_is_named_and_costs_no_prediction(campaign, tmp_path, demo_cache):
    model = tmp_path / "model.ckpt"
    shutil.copyfile(build_checkpoint(demo_cache), model)
    campaign.settings["model"] = str(model)
    campaign.write({"a": GOOD, "b": GOOD[:1]})
    campaign.run()
    whole = model.read_bytes()
    model.write_bytes(whole[: len(whole) // 2])
    campaign.run()
    for row in campaign.table().values():
        assert row["outcome"] == "crashed" and "model.ckpt is not a Boltz-2 checkpoint" in row["message"]
    model.write_bytes(whole)
    campaign.run()
    assert {row["outcome"] for row in campaign.table().values()} == {"done"}
    assert campaign.ends("a") == campaign.ends("b") == [("done", "done")]
    campaign.assert_rerun_does_nothing()
