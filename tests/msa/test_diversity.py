from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foldcp.msa.a3m import Row, columns_of
from foldcp.msa.diversity import diverse
from foldcp.msa.species import species

QUERY = "MKVLAAGHIK"


def _identity(row: str, other: str) -> float:
    """Share of the residues of `row` that `other` has in the same column."""
    aligned = [(a, b) for a, b in zip(columns_of(row), columns_of(other), strict=True) if a != "-"]
    return sum(a == b for a, b in aligned) / len(aligned) if aligned else 0.0


def _text(row: str) -> str:
    return row.replace("-", "").upper()


def _slowly(rows: list[Row], most: float, max_rows: int) -> Iterator[Row]:
    kept: list[Row] = []
    seen: set[str] = set()
    for header, row in rows:
        name = species(header)
        is_first = name is not None and name not in seen
        seen |= {name} - {None}
        like = any(_identity(row, other) > most or _text(row) == _text(other) for _, other in kept)
        distinct = {_text(other) for _, other in kept}
        if not kept or is_first or (not like and len(distinct) < max_rows):
            kept.append((header, row))
            yield header, row


ROWS = st.lists(
    st.tuples(st.sampled_from(["", "", " OX=7", " OX=8"]), st.text("MKk-", min_size=4, max_size=9)),
    max_size=20,
)


@settings(deadline=None)
@given(made=ROWS, most=st.sampled_from([0.3, 0.5, 0.75, 0.999]), max_rows=st.integers(1, 12))
def test_what_is_kept_is_what_the_definition_keeps(made: list[Row], most: float, max_rows: int) -> None:
    rows = [("q", "MKMK"), *((f"r{n}{tag}", _four_columns(text)) for n, (tag, text) in enumerate(made))]
    assert list(diverse(iter(rows), most, max_rows)) == list(_slowly(rows, most, max_rows))


def _four_columns(text: str) -> str:
    """Cut or fill a row to four columns; insertions stay."""
    found, n = "", 0
    for letter in text + "----":
        n += not letter.islower()
        found += letter if n <= 4 else ""
    return found


def test_by_hand() -> None:
    rows = [
        ("query", QUERY),
        ("half", "MKVLA-----"),  # a fragment of the query
        ("near", "MKVLAAGHIA"),  # 90 %
        ("near too OX=9606", "MKVLAAGHIC"),  # the first of its species
        ("again OX=9606", "MKVLAAGHIW"),
        ("far", "MKVLACCCCC"),
        ("gap", "----------"),
    ]
    assert [h for h, _ in diverse(iter(rows), 0.85, 99)] == ["query", "near too OX=9606", "far", "gap"]
    assert [h for h, _ in diverse(iter(rows), 0.9, 99)][:2] == ["query", "near"]
    assert list(diverse(iter(rows), 1.0, 99)) == rows
    assert [h for h, _ in diverse(iter(rows), 1.0, 3)] == ["query", "half", "near", "near too OX=9606"]
    # No more than are read, but for species.
    assert [h for h, _ in diverse(iter(rows), 0.85, 1)] == ["query", "near too OX=9606"]


def test_one_row_at_a_time() -> None:
    taken = []

    def rows() -> Iterator[Row]:
        for number in range(9):
            taken.append(number)
            yield f"r{number}", QUERY

    found = diverse(rows(), 0.9, 99)
    assert next(found) == ("r0", QUERY)
    assert taken == [0]
    with pytest.raises(StopIteration):
        next(found)
    assert taken == list(range(9))
