"""What must hold of the scores of any prediction: ranges, order of chains and samples, columns."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scores.sample_twin import random_sample, with_chains_in_order

from foldcp.scores import score
from foldcp.tables.rows import rows_to_table
from foldcp.tables.score_schemas import SCORES

CHAINS = st.lists(
    st.tuples(st.sampled_from(["protein", "protein", "rna", "dna", "ligand"]), st.integers(1, 9)),
    min_size=1,
    max_size=5,
)
SEEDS = st.integers(0, 2**32 - 1)
# From atoms in one heap to chains that never touch.
SCALES = st.sampled_from([0.0, 0.3, 3.8, 40.0])
OF_CAMPAIGN = {"complex_id": "x", "role": "input", "meaningless": False}
OF_SAMPLE = {"predicted_as": "x", "rank": 1}
FROM_CAMPAIGN = {"seed", "model", "weights_sha256", "member", "member_a", "member_b"}
EXAMPLES = settings(max_examples=25, deadline=None)


def rows_of(scored):
    return {name: getattr(scored, name) for name in ("samples", "chains", "interfaces")}


def spans(schema: pa.Schema):
    for field in schema:
        said = {key: float(field.metadata[key]) for key in (b"low", b"high") if key in field.metadata}
        if said:
            yield field.name, said.get(b"low", -float("inf")), said.get(b"high", float("inf"))


@EXAMPLES
@given(SEEDS, CHAINS, SCALES, st.booleans())
def test_every_number_is_in_its_declared_range(seed, chains, scale, with_errors):
    scored = score([random_sample(seed, chains, scale=scale, with_errors=with_errors)])
    for name, rows in rows_of(scored).items():
        for column, low, high in spans(SCORES[name].schema):
            outside = [
                row[column] for row in rows if row[column] is not None and not low <= row[column] <= high
            ]
            assert not outside, (column, outside)


@EXAMPLES
@given(SEEDS, CHAINS)
def test_rows_are_those_of_the_declared_tables(seed, chains):
    scored = score([random_sample(seed, chains)])
    for name, rows in rows_of(scored).items():
        mine = OF_CAMPAIGN | (OF_SAMPLE if name == "samples" else {})
        rows_to_table(SCORES[name], [row | mine for row in rows])
        declared = set(SCORES[name].schema.names) - set(mine) - FROM_CAMPAIGN
        assert all(set(row) == declared for row in rows)
    n = len(chains)
    assert (len(scored.samples), len(scored.chains), len(scored.interfaces)) == (1, n, n * (n - 1))


def nearly(rows):
    return [
        {
            key: pytest.approx(value, abs=3e-6) if isinstance(value, float) else value
            for key, value in row.items()
        }
        for row in rows
    ]


@EXAMPLES
@given(SEEDS, CHAINS, SCALES, st.randoms(use_true_random=False))
def test_order_of_chains_changes_nothing(seed, chains, scale, random):
    sample = random_sample(seed, chains, scale=scale)
    order = random.sample(range(len(chains)), len(chains))
    plain, turned = score([sample]), score([with_chains_in_order(sample, order)])
    # Which of several equally frequent sequences is looked at for symmetry depends on their order.
    symmetric = {"symmetry", "symmetry_rmsd"}
    same = [{k: v for k, v in row.items() if k not in symmetric} for row in plain.samples]
    assert same == nearly([{k: v for k, v in row.items() if k not in symmetric} for row in turned.samples])
    by_pair = sorted(turned.interfaces, key=lambda row: (row["chain_a"], row["chain_b"]))
    assert plain.interfaces == nearly(by_pair)
    by_name = sorted(turned.chains, key=lambda row: row["chain_id"])
    assert [row | {"chain_index": 0} for row in plain.chains] == nearly(
        [r | {"chain_index": 0} for r in by_name]
    )


@EXAMPLES
@given(SEEDS, CHAINS, st.permutations(range(4)))
def test_order_of_samples_changes_nothing(seed, chains, order):
    samples = [random_sample(seed + k, chains, number=k) for k in range(4)]
    assert score([samples[k] for k in order]) == score(samples)


@EXAMPLES
@given(SEEDS, CHAINS, SCALES)
def test_what_has_no_direction_is_symmetric(seed, chains, scale):
    rows = score([random_sample(seed, chains, scale=scale)]).interfaces
    at = {(row["chain_a"], row["chain_b"]): row for row in rows}
    for (a, b), row in at.items():
        other = at[b, a]
        for column in (
            "kind",
            "pdockq",
            "n_contacts",
            "interface_plddt",
            "buried_area",
            "n_clashes",
            "n0chn",
        ):
            assert row[column] == other[column]
        assert row["n_residues_a"] == other["n_residues_b"]


@EXAMPLES
@given(SEEDS, CHAINS)
def test_without_aligned_error_its_scores_are_null_and_the_others_stay(seed, chains):
    sample = random_sample(seed, chains)
    without = random_sample(seed, chains, with_errors=False)
    gone = {"pdockq2", "ilis"} | set(vars(sample.errors) if sample.errors else ()) - {"contact_tm"}
    for with_, null in zip(score([sample]).interfaces, score([without]).interfaces, strict=True):
        assert {key: value for key, value in null.items() if key in gone} == dict.fromkeys(
            key for key in null if key in gone
        )
        assert all(with_[key] == value for key, value in null.items() if key not in gone)
