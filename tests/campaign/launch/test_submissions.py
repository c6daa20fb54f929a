from pathlib import Path

from foldcp.campaign.launch.submissions import Submissions, Submitted, readable


def test_what_is_not_settled_is_open(tmp_path):
    path = tmp_path / "folder" / ".bin.jobs"
    assert Submissions(path).open() == {}
    Submissions(path).add("slurm", {Path("/a"): "7_0", Path("/b"): "7_1"})
    Submissions(path).add("slurm", {Path("/c"): "8"})
    Submissions(path).settle(Path("/b"))
    assert Submissions(path).open() == {
        Path("/a"): Submitted("slurm", "7_0"),
        Path("/c"): Submitted("slurm", "8"),
    }


def test_a_process_killed_while_it_wrote_loses_that_line_alone(tmp_path):
    path = tmp_path / ".bin.jobs"
    Submissions(path).add("slurm", {Path("/a"): "7_0"})
    with path.open("a") as handle:
        handle.write('{"settled": "/')
    Submissions(path).add("slurm", {Path("/b"): "9"})
    assert Submissions(path).open() == {
        Path("/a"): Submitted("slurm", "7_0"),
        Path("/b"): Submitted("slurm", "9"),
    }


def test_files_that_are_no_shard_are_nothing_to_follow(tmp_path):
    (tmp_path / "half.json").write_text('{"bin": "0')
    assert readable(tmp_path / "half.json") is None and readable(tmp_path / "none.json") is None
