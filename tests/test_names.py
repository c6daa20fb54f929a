import pytest

from foldcp.campaign import complexes
from foldcp.names import MAX_ID, distinct_ids, safe_id
from foldcp.predict import targets


@pytest.mark.parametrize("text", ["CPX-1", "a_b.c", "x" * MAX_ID, "row-3"])
def test_a_safe_name_is_kept(text):
    assert safe_id(text) == text


@pytest.mark.parametrize(
    "text", ["", "a b", ".hidden", "-rf", "ledger", "Ledger", "x" * 81, "ä", "a/b", "\udcff"]
)
def test_another_is_changed_and_stays_different(text):
    safe = safe_id(text)
    assert safe != text
    assert safe == safe_id(safe)
    assert len({safe, safe_id(text + "?"), safe_id(text + "!")}) == 3


def test_known_names_stay_what_they_are():
    # Folders of campaigns that exist carry them.
    assert safe_id("a b") == "a-b-c8687a08"
    assert safe_id("ledger") == "ledger-fe14010b"


def test_campaigns_and_single_inputs_name_alike():
    assert complexes.distinct_ids is distinct_ids and targets.safe_id is safe_id


def test_names_are_told_apart_without_taking_anothers():
    assert distinct_ids(["a", "A", "a", "a-2"]) == ["a", "A-3", "a-4", "a-2"]
    assert distinct_ids(["a", "b"], taken=["A", "c"]) == ["a-2", "b"]
    long = distinct_ids(["x" * 80, "X" * 80])
    assert long == ["x" * 80, "X" * 78 + "-2"]
