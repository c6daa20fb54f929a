"""How many rows of its alignment a complex reads, for complexes of any size."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from foldcp.config import PlanConfig
from foldcp.plan import Workload, make_plan
from foldcp.plan.coverage import cut_line
from foldcp.plan.depth import HEADROOM, STEP, at_most, limit_of, rows_that_fit
from foldcp.plan.gpus import get_gpu
from foldcp.plan.memory import MAX_MSA_ROWS, peak_bytes
from foldcp.plan.mesh import Mesh, candidates
from foldcp.plan.time import predicted_seconds
from foldcp.plan.workload import Size
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import TOKENS

GPU = get_gpu("h100-80gb")
MESHES = candidates(64, GPU.gpus_per_node)
WORKLOAD = Workload()
FILLED = int((1 - HEADROOM) * GPU.usable_bytes)
BINS = [1024, 4096, 16384, 32768]

depths = st.integers(1, MAX_MSA_ROWS)
sizes = st.builds(
    lambda n, depth, templates: Size(n, 8 * n, depth, templates),
    st.integers(100, 30_000),
    depths,
    st.integers(0, 24),
)
meshes = st.sampled_from(MESHES)
limits = st.integers(10, 100).map(lambda gib: gib * 2**30)
floors = st.sampled_from([1, 50, 2048, MAX_MSA_ROWS])


def table(found):
    """Return a TOKENS table of complexes c0, c1, ... of these sizes."""
    rows = [
        {
            "complex_id": f"c{number}",
            "n_tokens": size.tokens,
            "n_atoms": size.atoms,
            "n_chains": 1,
            "n_entities": 1,
            "msa_depth": size.msa_depth,
            "paired_depth": 1,
            "n_templates": size.templates,
            "chains": [],
            "input_key": f"key{number}",
            "predicted_as": f"c{number}",
            "flags": [],
            "role": "input",
        }
        for number, size in enumerate(found)
    ]
    return rows_to_table(TOKENS, rows)


def planned(found, **values):
    config = PlanConfig(bins=BINS, max_ranks=64, **values)
    return {row["complex_id"]: row for row in make_plan(table(found), config, WORKLOAD).plan.to_pylist()}


def peak(size, rows, mesh):
    return peak_bytes(at_most(size, rows), WORKLOAD, mesh)


@settings(deadline=None)
@given(sizes, meshes, limits)
def test_as_many_rows_as_fit_and_not_a_step_more(size, mesh, limit):
    rows = rows_that_fit(size, WORKLOAD, mesh, limit)
    if rows == size.msa_depth:
        assert peak(size, rows, mesh) <= limit
    elif rows:
        assert rows % STEP == 0
        assert peak(size, rows, mesh) <= limit < peak(size, rows + STEP, mesh)
    else:
        assert peak(size, STEP, mesh) > limit


# Most sizes are of no use: other stages take more there.
@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(sizes, meshes, st.floats(0, 1, exclude_max=True))
def test_memory_for_some_rows_is_filled_to_the_step(size, mesh, share):
    rows = int(share * size.msa_depth)
    limit = peak(size, rows, mesh)
    # Where other stages take more, rows cost nothing: then more of them fit, maybe all.
    assume(limit < peak(size, rows + 1, mesh))
    assert rows_that_fit(size, WORKLOAD, mesh, limit) == rows // STEP * STEP


@settings(deadline=None)
@given(sizes, meshes, limits, limits)
def test_more_memory_never_means_fewer_rows(size, mesh, one, other):
    less, more = (rows_that_fit(size, WORKLOAD, mesh, limit) for limit in sorted((one, other)))
    assert less <= more


@settings(deadline=None)
@given(sizes, floors)
def test_a_complex_gets_the_smallest_mesh_for_its_least_rows_and_fills_it(size, floor):
    row = planned([size], min_msa_rows=floor).get("c0")
    least = min(size.msa_depth, floor)
    fitting = [mesh for mesh in MESHES if peak(size, least, mesh) <= GPU.usable_bytes]
    assert (row is None) == (not fitting)
    assume(row is not None)
    mesh = Mesh(row["mesh_rows"], row["mesh_cols"])
    assert mesh == fitting[0]
    assert least <= row["msa_rows"] <= row["msa_depth"] == size.msa_depth
    assert row["msa_rows"] == max(least, rows_that_fit(size, WORKLOAD, mesh, FILLED))
    read = at_most(size, row["msa_rows"])
    assert row["predicted_peak_bytes"] == peak_bytes(read, WORKLOAD, mesh) <= GPU.usable_bytes
    assert row["predicted_seconds"] == predicted_seconds(read, WORKLOAD, mesh, GPU)


@settings(deadline=None)
@given(sizes, st.lists(sizes, max_size=4))
def test_other_complexes_of_the_table_change_no_row_count(size, others):
    alone, together = planned([size]).get("c0"), planned([*others, size]).get(f"c{len(others)}")
    assert (alone is None) == (together is None)
    if alone is not None:
        assert alone["msa_rows"] == together["msa_rows"]


def test_a_larger_mesh_of_the_bin_gives_no_rows_back():
    deep, large = Size(6300, 50_400, MAX_MSA_ROWS), Size(14_000, 112_000, 1)
    config = PlanConfig(bins=[16384])
    (alone,) = make_plan(table([deep]), config, WORKLOAD).plan.to_pylist()
    rows = make_plan(table([large, deep]), config, WORKLOAD).plan.to_pylist()
    together = next(row for row in rows if row["complex_id"] == "c1")
    assert (alone["mesh_rows"], alone["mesh_cols"]) == (1, 1)
    assert together["mesh_rows"] * together["mesh_cols"] > 1
    assert 2048 <= alone["msa_rows"] == together["msa_rows"] < MAX_MSA_ROWS
    assert together["predicted_peak_bytes"] < alone["predicted_peak_bytes"]


def test_a_floor_of_all_rows_takes_a_larger_mesh_instead():
    size = Size(6300, 50_400, MAX_MSA_ROWS)
    cut, whole = planned([size])["c0"], planned([size], min_msa_rows=MAX_MSA_ROWS)["c0"]
    assert limit_of(cut) == cut["msa_rows"] < MAX_MSA_ROWS == whole["msa_rows"]
    assert limit_of(whole) is None
    assert whole["mesh_rows"] * whole["mesh_cols"] > cut["mesh_rows"] * cut["mesh_cols"]


@settings(deadline=None)
@given(st.integers(6250, 6450))
def test_a_peak_a_little_over_the_model_moves_no_complex_whose_rows_are_cut(tokens):
    row = planned([Size(tokens, 8 * tokens, MAX_MSA_ROWS)])["c0"]
    assert (row["mesh_rows"], row["mesh_cols"]) == (1, 1)
    assert 2048 < row["msa_rows"] < MAX_MSA_ROWS
    assert 1.04 * row["predicted_peak_bytes"] <= GPU.usable_bytes


@pytest.mark.parametrize("limit", [FILLED, GPU.usable_bytes])
def test_rounding_and_headroom_take_no_rows_below_the_floor(limit):
    size = Size(6300, 50_400, MAX_MSA_ROWS)
    fitting = rows_that_fit(size, WORKLOAD, Mesh(), limit)
    floor = max(n for n in range(fitting, fitting + STEP) if peak(size, n, Mesh()) <= limit)
    row = planned([size], min_msa_rows=floor)["c0"]
    assert (row["mesh_rows"], row["mesh_cols"]) == (1, 1)
    assert row["msa_rows"] == floor


def test_rows_beyond_what_boltz_reads_are_no_cut():
    row = planned([Size(500, 4000, 99_999)])["c0"]
    assert row["msa_rows"] == row["msa_depth"] == MAX_MSA_ROWS
    assert limit_of(row) is None


def test_a_complex_too_large_for_its_least_rows_is_told_of_the_floor():
    size = Size(6500, 52_000, MAX_MSA_ROWS)
    config = PlanConfig(max_ranks=1, min_msa_rows=8192)
    (row,) = make_plan(table([size]), config, WORKLOAD).rejected.to_pylist()
    rows = rows_that_fit(size, WORKLOAD, Mesh(), GPU.usable_bytes)
    assert 0 < rows < 8192
    for said in ("6500 tokens and 8192 rows", f"plan.min_msa_rows (--min-msa-rows) of {rows},", "of 2,"):
        assert said in row["reason"]
    taken = PlanConfig(max_ranks=1, min_msa_rows=rows)
    (row,) = make_plan(table([size]), taken, WORKLOAD).plan.to_pylist()
    assert row["msa_rows"] == rows


def test_what_is_cut_is_said():
    deep, small = Size(6300, 50_400, MAX_MSA_ROWS), Size(500, 4000, MAX_MSA_ROWS)
    config = PlanConfig()
    plan = make_plan(table([deep, small]), config, WORKLOAD).plan
    rows = min(plan["msa_rows"].to_pylist())
    assert cut_line(plan).startswith("1 predictions read only part")
    assert f" {rows} rows at least" in cut_line(plan)
    assert cut_line(make_plan(table([small]), config, WORKLOAD).plan) is None


@pytest.mark.parametrize("rows", [0, -1])
def test_a_floor_of_no_rows_is_refused(rows):
    with pytest.raises(ValueError, match="min_msa_rows"):
        PlanConfig(min_msa_rows=rows)


def test_at_most_never_adds_rows():
    size = Size(10, 80, 100)
    assert at_most(size, 60) == replace(size, msa_depth=60)
    assert at_most(size, 600) == size
