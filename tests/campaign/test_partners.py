"""Tables of partners: only what is of interest is kept, whatever their size."""

import tracemalloc

import pytest

from foldcp.campaign.partners import Group, read_groups


def _biogrid(n):
    yield (
        "#BioGRID Interaction ID\tExperimental System\tExperimental System Type\t"
        "SWISS-PROT Accessions Interactor A\tSWISS-PROT Accessions Interactor B\tPublication\n"
    )
    for i in range(n):
        a, b = (f"P{(i * step) % 20_000:05}" for step in (7, 13))
        yield f"{i}\tTwo-hybrid\tphysical\t{a}\t{b}\t{'a long cell that nobody asks for ' * 8}\n"


@pytest.mark.parametrize("quote", ["", '"'])
def test_memory_does_not_grow_with_the_table(tmp_path, quote):
    """A table of 15 MB, with a quote in a cell or without: it is cut in two ways then."""
    path = tmp_path / "BIOGRID-ALL.tab3.txt"
    with path.open("w") as handle:
        for line in _biogrid(50_000):
            handle.write(line.replace("nobody", f"no{quote}body", 1))
    tracemalloc.start()
    got = read_groups(path, {"P00007", "P00013", "P00021"})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (got.n_read, got.namespaces) == (50_000, {"uniprot"})
    assert Group(frozenset(("P00007", "P00013")), False) in got.groups
    assert path.stat().st_size > 13e6 and peak < 4e6


def test_of_a_record_only_molecules_of_interest_are_kept(tmp_path):
    path = tmp_path / "known.csv"
    path.write_text("complex_id,members\na,P00001;P00002;P00003\nb,P00001(2)\nc,P00004(2)\nd,P00002;P00009\n")
    got = read_groups(path, {"P00001", "P00002"})
    assert got.groups == {
        Group(frozenset(("P00001", "P00002")), False),
        Group(frozenset(("P00001",)), True),
    }
    assert (got.n_read, got.n_unread, got.n_met) == (4, 0, 1)
