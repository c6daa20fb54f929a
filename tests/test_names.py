import pytest

from foldcp.campaign import complexes
from foldcp.names import MAX_ID, safe_id
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
    assert complexes.safe_id is targets.safe_id is safe_id
