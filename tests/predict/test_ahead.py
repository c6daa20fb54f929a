"""What is prepared ahead is what would be prepared in its turn; and nothing depends on it."""

import dataclasses

import pytest

from foldcp.errors import InputError
from foldcp.predict.ahead import Ahead, Request
from foldcp.predict.document import read
from foldcp.predict.preparation import Preparation
from foldcp.predict.seeds import Seeds
from foldcp.predict.session import Session
from foldcp.predict.targets import Target, from_file

pytestmark = pytest.mark.model


@pytest.fixture
def in_place(monkeypatch):
    """Names of the complexes that the session prepares itself."""
    names = []
    prepare = Preparation.prepare

    def noted(self, document, name, seeds, *limit):
        names.append(name)
        return prepare(self, document, name, seeds, *limit)

    monkeypatch.setattr(Preparation, "prepare", noted)
    return names


@pytest.fixture
def ahead(session, monkeypatch):
    monkeypatch.setattr("foldcp.predict.ahead.WORTH", 0.0)
    yield session._ahead
    assert session._ahead._asked == []


def test_prepared_ahead_or_not_the_files_are_the_same(
    session, mixed, small, write, outputs, ahead, in_place, tmp_path
):
    bad = write("bad.yaml", "sequences:\n  - ligand: {id: A, ccd: QQQQQ}\n")
    session.predict(from_file(mixed), tmp_path / "alone")
    assert in_place == ["mixed"]
    targets = [Target("bad", bad, "key"), from_file(mixed), from_file(small)]
    session.prepare_ahead(targets[0])
    for target, following in zip(targets, [*targets[1:], None], strict=True):
        if following:
            session.prepare_ahead(following)
        if target.id == "bad":
            with pytest.raises(InputError, match="no component 'QQQQQ'"):
                session.predict(target, tmp_path / "out")
        else:
            session.predict(target, tmp_path / "out")
    assert in_place == ["mixed", "bad"]
    for sample in (0, 1):
        first, second = (outputs(tmp_path / folder / "mixed", sample) for folder in ("alone", "out"))
        assert first == second


def test_only_what_was_asked_for_is_taken(session, mixed, small, ahead, in_place, tmp_path):
    target = from_file(small)
    session.prepare_ahead(target)
    session.predict(Target("other", small, target.input_key), tmp_path)
    assert in_place == ["other"]
    session.predict(target, tmp_path)
    assert in_place == ["other"]
    session.predict(target, tmp_path)
    assert in_place == ["other", "small"]


def test_a_file_that_has_changed_is_prepared_again(session, small, ahead, in_place, tmp_path):
    target = from_file(small)
    session.prepare_ahead(target)
    ahead._inbox.put(ahead._inbox.get(timeout=60))  # it is ready
    small.write_text(small.read_text().replace("MKT", "GGG"))
    session.predict(target, tmp_path)
    assert in_place == ["small"]
    assert "GLY" in (tmp_path / "small" / "small_model_0.cif").read_text()


def test_a_dead_process_costs_nothing_but_time(session, small, ahead, in_place, tmp_path):
    target = from_file(small)
    session.prepare_ahead(target)
    ahead._child.popen.kill()
    session.predict(target, tmp_path)
    assert in_place == ["small"]
    assert ahead._child is None


def test_it_starts_when_preparing_in_turn_has_cost_as_much(session, small, ahead, monkeypatch, tmp_path):
    ahead.close()
    spent = ahead._seconds_in_turn
    session.predict(from_file(small), tmp_path)
    assert ahead._seconds_in_turn > spent
    monkeypatch.setattr("foldcp.predict.ahead.WORTH", ahead._seconds_in_turn + 1)
    session.prepare_ahead(from_file(small))
    assert ahead._child is None


def test_what_nobody_takes_is_dropped(session, small, ahead, monkeypatch):
    monkeypatch.setattr("foldcp.predict.ahead._MOST", 1)
    for name in "ab":
        session.prepare_ahead(Target(name, small, ""))
    assert [target.id for target in ahead._asked] == ["b"]
    ahead.close()


def test_deletions_are_those_of_the_settings_ahead_too(settings, mixed, in_place, monkeypatch):
    monkeypatch.setattr("foldcp.predict.ahead.WORTH", 0.0)
    document, target = read(mixed), from_file(mixed)
    seeds, found = Seeds("c", 7, document.key()), {}
    for how in ("kept", "boltz"):
        session = Session(dataclasses.replace(settings, deletions=how))
        ahead = Ahead(session.preparation)
        ahead.ask(Request(target, "c", 7))
        found[how] = ahead.prepare(document, target, seeds).features.alignment.deletions
        assert in_place == []
        own = session.preparation.prepare(document, "mixed", seeds).features.alignment.deletions
        assert found[how].equal(own)
        in_place.clear()
        ahead.close()
        session.close()
    assert found["kept"].count_nonzero() > found["boltz"].count_nonzero()


def test_the_limit_of_rows_reaches_what_is_prepared_ahead(settings, mixed, in_place, monkeypatch):
    monkeypatch.setattr("foldcp.predict.ahead.WORTH", 0.0)
    session = Session(dataclasses.replace(settings, msa_rows=2))
    document, target = read(mixed), from_file(mixed)
    seeds = Seeds(settings.campaign, settings.seed, document.key())
    for its, rows in ((target, 2), (dataclasses.replace(target, msa_rows=1), 1)):
        session.prepare_ahead(its)
        assert session._ahead.prepare(document, its, seeds, rows).features.n_sequences == rows
    assert in_place == []
    session.prepare_ahead(target)
    assert session._ahead.prepare(document, target, seeds).features.n_sequences == 5
    assert in_place == ["mixed"]  # asked for with a limit, taken without
    session.close()
