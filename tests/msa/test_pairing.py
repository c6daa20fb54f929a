"""Pairing by species: against its definition written down slowly, and Boltz's reading of the files."""

import csv
from pathlib import Path

import numpy as np
import pytest
from boltz.data.parse.csv import parse_csv
from hypothesis import given, settings
from hypothesis import strategies as st

from foldcp.config.alignments import MOST_ROWS
from foldcp.features.pairing import pair_rows
from foldcp.msa import a3m, paired_csv
from foldcp.msa.a3m import Row
from foldcp.msa.paired_csv import Protein
from foldcp.msa.pairing import STRATEGIES, Depths, Entity, Pairing, depths, index, pairs
from foldcp.msa.species import species

Rows = list[Row]
QUERIES = ("MKVLA", "GHIKW", "PPPSC")


@st.composite
def complexes(draw: st.DrawFn) -> list[tuple[int, Rows]]:
    """Copies and alignment of one to three proteins, with many duplicates and few species."""
    return [
        (draw(st.integers(1, 3)), _alignment(draw, query)) for query in QUERIES[: draw(st.integers(1, 3))]
    ]


def _alignment(draw: st.DrawFn, query: str) -> Rows:
    tag = st.sampled_from(["", " OX=7", " OX=8", " OX=9", " OX=9606", " TaxID=7", " Key=a", " TaxID=2"])
    columns = st.one_of(st.just(query), st.text("AC-", min_size=5, max_size=5))
    made = draw(st.lists(st.tuples(tag, columns, st.sampled_from(["", "", "k"])), max_size=12))
    rows = [(f"r{n}{tag}", text[:2] + inserted + text[2:]) for n, (tag, text, inserted) in enumerate(made)]
    return [("query" + draw(st.sampled_from(["", " OX=9606"])), query), *rows]


def _text(row: str) -> str:
    """What Boltz compares of two rows."""
    return row.replace("-", "").upper()


def _is_aligned(rows: Rows) -> bool:
    return len({_text(row) for _, row in rows}) > 1


def _defined(proteins: list[tuple[int, Rows]], strategy: str) -> set[frozenset[tuple[int, str]]]:
    """The pairs, each a set of (protein, text of its row), by the words of the module."""
    proteins = [(copies, rows if _is_aligned(rows) else []) for copies, rows in proteins]
    firsts: list[dict[str, str]] = []
    found = set()
    for number, (_, rows) in enumerate(proteins):
        stands_for: dict[str, str] = {}
        most_similar: dict[str, str] = {}
        for header, row in rows:
            if (name := species(header)) is not None:
                most_similar.setdefault(name, _text(row))
                stands_for.setdefault(_text(row), name)
        if rows:
            stands_for[_text(rows[0][1])] = "the query"
        firsts.append({name: text for name, text in most_similar.items() if stands_for[text] == name})
        others = stands_for.keys() - firsts[-1].values() - {_text(row) for _, row in rows[:1]}
        found |= {frozenset([(number, text)]) for text in others}
    for name in {name for its in firsts for name in its}:
        found.add(frozenset((n, its[name]) for n, its in enumerate(firsts) if name in its))
    n_aligned = sum(bool(rows) for _, rows in proteins)
    return {
        pair
        for pair in found
        if sum(proteins[number][0] for number, _ in pair) > 1
        and strategy != "none"
        and (strategy == "greedy" or len(pair) == n_aligned)
    }


def _write(proteins: list[tuple[int, Rows]], folder: Path, *how) -> tuple[list[Path], Depths]:
    made = [Protein(copies, lambda rows=rows: iter(rows)) for copies, rows in proteins]
    return paired_csv.write(made, folder, Pairing(*how))


def _depths(entities: list[Entity], *how) -> Depths:
    return depths(entities, pairs(entities, Pairing(*how)), Pairing(*how).max_rows)


def _stacked(
    proteins: list[tuple[int, Rows]], files: list[Path]
) -> tuple[np.ndarray, np.ndarray, list, list]:
    """Boltz's reading: row numbers and paired flags (S, chains), each chain's protein, each file's lines."""
    read = [parse_csv(file, MOST_ROWS) for file in files]
    lines = [[line["sequence"] for line in csv.DictReader(file.open())] for file in files]
    assert [len(msa.sequences) for msa in read] == list(map(len, lines))  # Boltz leaves out none
    chains = [number for number, (copies, _) in enumerate(proteins) for _ in range(copies)]
    rows, paired = pair_rows([read[number] for number in chains])
    return rows, paired, chains, lines


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=100, deadline=None)
@given(proteins=complexes())
def test_boltz_stacks_the_pairs_as_they_are_defined(strategy, proteins, tmp_path_factory) -> None:
    files, said = _write(proteins, tmp_path_factory.mktemp("csv"), strategy)
    rows, paired, chains, lines = _stacked(proteins, files)
    assert len(rows) == said.total
    assert paired.any(axis=1).sum() == said.paired and paired[: said.paired].any(axis=1).all()
    found = [
        frozenset((chains[c], _text(lines[chains[c]][row])) for c, row in enumerate(its) if there[c])
        for its, there in zip(rows[1 : said.paired], paired[1 : said.paired], strict=True)
    ]
    assert len(set(found)) == len(found)
    assert set(found) == _defined(proteins, strategy)
    # Those of most chains first, so that a limit takes the others.
    n_chains = paired[1 : said.paired].sum(axis=1)
    assert (np.diff(n_chains) <= 0).all()


@settings(max_examples=100, deadline=None)
@given(proteins=complexes(), max_rows=st.integers(1, 12), data=st.data())
def test_limits_take_the_last_pairs_and_then_the_last_rows(
    proteins, max_rows, data, tmp_path_factory
) -> None:
    max_paired = data.draw(st.integers(1, max_rows))
    folder = tmp_path_factory.mktemp("csv")
    whole, all_rows = _write(proteins, folder, "greedy")
    expected = [file.read_text().split("\n")[1:-1] for file in whole]
    files, said = _write(proteins, folder, "greedy", max_rows, max_paired)
    rows, *_ = _stacked(proteins, files)
    assert said == Depths(min(max_paired, all_rows.paired), len(rows))
    for file, its, (_, alignment) in zip(files, expected, proteins, strict=True):
        keys = [line.partition(",")[0] for line in its]
        kept = [line for line, key in zip(its, keys, strict=True) if key and int(key) < max_paired - 1]
        got = file.read_text().split("\n")[1:-1]
        assert got[: len(kept) + 1] == [its[0], *kept]
        assert len(got) == min(max_rows, len({_text(row) for _, row in alignment}))


def test_by_hand(tmp_path: Path) -> None:
    one = [
        ("query", "MKVLA"),
        ("own OX=9606", "MKVLA"),  # the query's own entry
        ("paralog OX=9606", "MKVCA"),  # of its species
        ("mouse OX=10090", "MKVLC"),
        ("mouse paralog OX=10090", "MKVCC"),
        ("yeast Key=x", "M--aaLC"),
        ("rat OX=10116", "MKVLC"),  # equal to the mouse's
        ("rat paralog OX=10116", "AAAAA"),
        ("nobody", "CCCCC"),
    ]
    two = [
        ("query", "GHIKW"),
        ("rat OX=10116", "GHIKA"),
        ("x Key=x", "GHI-A"),
        ("human OX=9606", "GHIKC"),
        ("mouse OX=10090", "G-IKC"),
    ]
    found = index(iter(one))
    assert (found.depth, found.duplicates) == (7, {1, 6})
    # The rat's own row is the mouse's, the human's the query's: their paralogs do not stand in for them.
    assert found.first == {"10090": 3, "key:x": 5}
    assert found.others == (2, 4, 7)
    files, said = _write([(1, one), (1, two)], tmp_path, "greedy")
    assert files[0].read_text() == (
        "key,sequence\n,MKVLA\n0,MKVLC\n1,M--aaLC\n,MKVCA\n,MKVCC\n,AAAAA\n,CCCCC\n"
    )
    assert files[1].read_text() == "key,sequence\n,GHIKW\n0,G-IKC\n1,GHI-A\n,GHIKA\n,GHIKC\n"
    assert said == Depths(paired=3, total=3 + 6)
    # Two copies: paralogs go with themselves.
    files, said = _write([(2, one), (1, two)], tmp_path, "greedy")
    assert [line.split(",")[0] for line in files[0].read_text().split("\n")[1:-1]] == [
        *("", "0", "1", "2", "3", "4", "")
    ]
    assert _write([(2, one), (1, two)], tmp_path, "complete")[1].paired == 3
    assert _write([(2, one)], tmp_path, "complete")[1].paired == 6
    assert _write([(1, one)], tmp_path, "greedy")[1].paired == 1


def test_insertions_survive(tmp_path: Path) -> None:
    (file,), _ = _write([(1, [("q", "MKVLA"), ("r", "MKkkV-aaaA")])], tmp_path, "greedy")
    assert parse_csv(file, 9).deletions.tolist() == [(2, 2), (4, 3)]


def test_molecules_without_alignment_take_no_part() -> None:
    none = np.empty(0, np.int64)
    alone, other = Entity(2, 1, none, 0), Entity(1, 5, np.array([3, 4]), 0)
    assert _depths([alone], "complete", 9) == Depths(1, 1)
    assert _depths([alone, other], "complete", 9) == Depths(1, 5)
    assert _depths([alone, other, other], "complete", 9) == Depths(3, 7)
    assert _depths([], "greedy", 9) == Depths(1, 1)
    assert pairs([other, other], Pairing("none")).shape == (0, 2)


def test_pairs_come_in_the_order_of_boltz() -> None:
    """Most chains first, then by the first protein that has the species, then by the row in it."""
    one, two, three = (Entity(1, 9, np.array(its), 0) for its in ([5, 6, 7], [6, 8, 7], [8, 9, 7]))
    found = pairs([one, two, three], Pairing())
    assert found.tolist() == [[2, 2, 2], [1, 0, -1], [-1, 1, 0]]
    # Species 8 is the first of the third protein, 6 the second of the first: the protein decides.
    assert pairs([three, two, one], Pairing()).tolist() == [[2, 2, 2], [0, 1, -1], [-1, 0, 1]]
    more = Entity(1, 9, np.array([1, 2, 3, 6]), 0)
    assert pairs([more, two, three], Pairing()).tolist() == [[3, 0, -1], [-1, 1, 0], [-1, 2, 2]]
    # A limit takes those of few chains.
    assert pairs([one, two, three], Pairing(max_paired=2)).tolist() == [[2, 2, 2]]


def test_two_boltz_limits_hold_together() -> None:
    # As many pairs as Boltz takes, and more rows below them than it stacks.
    many = Entity(1, 20_000, np.arange(20_000), 0)
    few = Entity(1, 20_000, np.arange(10_000), 0)
    other = Entity(1, 20_000, np.arange(20_000, 30_000), 0)
    assert _depths([many, few]) == Depths(MOST_ROWS, 16383)
    assert _depths([many, few, other]) == Depths(MOST_ROWS, 16383)


def _rows_of(shared_data: Path, number: int) -> Rows:
    """The alignment of one chain of 7wux: rows that can be paired, then the others."""
    found: Rows = []
    for kind in ("pairing", "non_pairing"):
        path = shared_data / "msa" / f"opendde_7wux_{number}_{kind}.a3m"
        query = path.read_text().split("\n")[1]
        found += list(a3m.read(path, query))[bool(found) :]
    return found


def test_a_real_complex_by_hand(shared_data: Path, tmp_path: Path) -> None:
    """7wux: which rows pair is found here with sets of tax ids, and counted in the files by eye."""
    one, two = _rows_of(shared_data, 1), _rows_of(shared_data, 2)
    files, said = _write([(1, one), (1, two)], tmp_path, "complete")
    first: list[dict[str, str]] = []
    for rows in (one, two):
        of: dict[str, str] = {}
        for header, row in rows[1:]:
            if header.startswith("UniRef100_") and "/" in header and not header.split("/")[0].endswith("_2"):
                of.setdefault(header.split("/")[0].split("_")[2], row)
        first.append(of)
    shared = first[0].keys() & first[1].keys()
    pairs_by_hand = {(first[0][name], first[1][name]) for name in shared}
    rows, paired, _, lines = _stacked([(1, one), (1, two)], files)
    assert (said, rows.shape) == (Depths(106, 1216), (1216, 2))
    got = {(lines[0][a], lines[1][b]) for a, b in rows[1:106].tolist()}
    assert paired[:106].all() and not paired[106:].any()
    # A sequence that two species share pairs once: two shared species have their first row in common with
    # another one, in one of the chains.
    assert got <= pairs_by_hand and len(pairs_by_hand) - len(got) == len(shared) - 105
    # The first three pairs, looked up in the files.
    headers = {row: header.split("\t")[0] for header, row in [*reversed(one), *reversed(two)]}
    assert [(headers[lines[0][k]], headers[lines[1][k]]) for k in (1, 2, 3)] == [
        ("UniRef100_UPI000B1A43EC_1463901/", "UniRef100_UPI00068D08D9_1463901/"),
        ("UniRef100_UPI001BE85A7B_2819193/", "UniRef100_UPI001BEC5BF9_2819193/"),
        ("UniRef100_UPI0006899DE6_66377/", "UniRef100_UPI0004C0A57F_66377/"),
    ]
