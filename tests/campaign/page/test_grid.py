"""Cells of the page's tables, as HTML and as data."""

import json

import pytest

from foldcp.campaign.page.grid import SHOWN, Column, Grid, Interval, Name, show, sort_value

INF = float("inf")
ODDS = Column("Odds", "interval", 1)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *((None, ""), (0.25, 0.25), (7, 7), (INF, "Infinity"), (-INF, "-Infinity"), (float("nan"), "")),
        (Interval(INF, 0.5, INF), "Infinity"),
    ],
)
def test_what_a_cell_is_sorted_by_is_a_number_to_the_script(cell, value):
    assert sort_value(cell) == value


def test_an_infinite_end_is_not_a_missing_one():
    rows = [[Interval(INF, 0.5, INF)], [Interval(2.0, 0.5, None)], [None]]
    grid = Grid("odds", "Odds", [ODDS], rows * SHOWN)
    assert json.loads(grid.data)["rows"][:3] == [[["Infinity", 0.5, "Infinity"]], [[2.0, 0.5, None]], [None]]
    assert [show(row[0], ODDS) for row in rows] == ["∞ (0.5–∞)", "2.0", "–"]


def test_a_name_keeps_its_view_in_a_long_table():
    names = [Name(f"c{k}", None, ["twin"], k or None) for k in range(SHOWN + 1)]
    data = json.loads(Grid("top", "Best", [Column("Complex", "name")], [[name] for name in names]).data)
    assert data["rows"][0] == [["c0", None, ["twin"], None]]
    assert data["rows"][SHOWN] == [[f"c{SHOWN}", None, ["twin"], SHOWN]]
