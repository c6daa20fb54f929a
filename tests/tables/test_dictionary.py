"""The data dictionary: complete, current, and true of what a prediction writes."""

from pathlib import Path

import pyarrow as pa
import pytest

from foldcp.campaign.scores import score_folder
from foldcp.errors import UsageError
from foldcp.tables import dictionary
from foldcp.tables.dataset import read_dataset
from foldcp.tables.schemas import ALL
from foldcp.tables.score_schemas import SCORES, SCORES_INTERFACES

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "data-dictionary.md"


def test_the_committed_dictionary_is_current():
    assert COMMITTED.read_text() == dictionary.render(), "run: make dictionary"


def test_every_table_and_column_is_in_it():
    text = dictionary.render()
    assert set(dictionary.FILES) == set(ALL)
    for spec in ALL.values():
        section = dictionary.render(spec.name)
        assert section in text
        assert all(f"| `{name}` |" in section for name in spec.schema.names)
    with pytest.raises(UsageError, match="unknown table 'x'; valid: complexes, rejected"):
        dictionary.render("x")


def test_a_line_says_type_unit_range_meaning_and_source():
    section = dictionary.render("scores_interfaces")
    assert (
        "| `d0res` | double | sometimes | Å | from 1 | d0 of ipsae at the best residue | Dunbrack" in section
    )
    assert "| `ipsae` | double | sometimes |  | 0 to 1 |" in section
    assert "| `complex_id` | string | always |" in section
    assert "| `members.copies` | int32 | always |" in dictionary.render("complexes")


@pytest.mark.parametrize("spec", SCORES.values(), ids=lambda spec: spec.name)
def test_every_number_of_the_score_tables_has_a_range_and_says_where_it_comes_from(spec):
    for field in spec.schema:
        if field.name not in ("sample", "rank", "seed", "chain_index", "n_samples") and (
            pa.types.is_floating(field.type) or pa.types.is_integer(field.type)
        ):
            assert dictionary.span(field) != (None, None), field.name
            assert b"source" in field.metadata or field.name in ("n_tokens", "n_chains"), field.name


def _outside(spec, table):
    """Return the columns with a value beyond the declared range."""
    wrong = []
    for field in spec.schema:
        low, high = dictionary.span(field)
        values = [value for value in table[field.name].to_pylist() if value is not None]
        if (low is not None and min(values, default=low) < low) or (
            high is not None and max(values, default=high) > high
        ):
            wrong.append(field.name)
    return wrong


@pytest.mark.model
def test_what_a_prediction_writes_is_within_the_declared_ranges(tmp_path, demo_cache):
    from mini_campaign import GOOD, MiniCampaign

    campaign = MiniCampaign(tmp_path / "results", demo_cache, samples=2)
    campaign.write({"x": GOOD, "y": [GOOD[0], *GOOD, "ccd:ATP"]})
    campaign.run()
    totals = score_folder(tmp_path / "results", tmp_path / "out")
    assert totals.meaningless and not totals.unreadable and not totals.unfinished
    tables = {name: read_dataset(tmp_path / "out" / name, spec) for name, spec in SCORES.items()}
    rows = {name: table.num_rows for name, table in tables.items()}
    assert rows == {"samples": 4, "complexes": 2, "chains": 12, "interfaces": 28}
    assert [(name, wrong) for name, spec in SCORES.items() if (wrong := _outside(spec, tables[name]))] == []
    # Columns are filled, so that the ranges were put to the test.
    filled = {name for table in tables.values() for name in table.column_names if not _all_null(table[name])}
    assert filled >= {"iptm", "chain_pair_iptm", "mean_plddt", "member_a", "ranking_score_sd"}


def _all_null(column):
    return column.null_count == len(column)


def test_the_check_of_ranges_sees_a_value_outside():
    row = dict.fromkeys(SCORES_INTERFACES.schema.names)
    values = {"ipsae": [1.01], "d0res": [0.5], "lia": [-1], "pdockq": [1.0]}
    table = pa.table({name: values.get(name, [None]) for name in row})
    assert _outside(SCORES_INTERFACES, table) == ["ipsae", "d0res", "lia"]
