"""Predictions are scored by several processes, in order."""

import os

import pytest
from scores.boltz_twin import DIMER, MIXED, write_prediction

from foldcp.campaign import in_order
from foldcp.campaign.scores import score_folder
from foldcp.errors import MissingError


def _bytes(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_runs_give_equal_bytes_whatever_the_number_of_processes(tmp_path, monkeypatch):
    for number in range(9):
        write_prediction(tmp_path / "in" / f"x{number}", DIMER if number % 2 else MIXED, scores=(0.1, 0.2))
    monkeypatch.setattr(in_order, "FEW", 4)
    for name, jobs in (("one", 1), ("again", 1), ("two", 2)):
        score_folder(tmp_path / "in", tmp_path / name, jobs=jobs)
    files = _bytes(tmp_path / "one")
    assert len(files) == 5 and files == _bytes(tmp_path / "again") == _bytes(tmp_path / "two")


def _exit(_item):
    os._exit(9)


def _whoami(_item):
    return os.getpid()


def test_processes_share_the_work_and_the_death_of_one_is_told(monkeypatch):
    monkeypatch.setattr(in_order, "FEW", 1)
    ids = list(in_order.in_order(_whoami, range(8), 2))
    assert len(ids) == 8 and os.getpid() not in ids
    assert set(in_order.in_order(_whoami, range(8), 1)) == {os.getpid()}
    with pytest.raises(MissingError, match="memory"):
        list(in_order.in_order(_exit, range(4), 2))
