import pytest

from foldcp.config import PlanConfig
from foldcp.errors import UsageError
from foldcp.plan import Workload, coverage, make_plan, render
from foldcp.plan.coverage import duration
from foldcp.plan.gpus import get_gpu
from foldcp.plan.memory import peak_bytes
from foldcp.plan.mesh import Mesh
from foldcp.plan.workload import Size
from foldcp.tables.rows import check, empty, rows_to_table
from foldcp.tables.schemas import PLAN, REJECTED, TOKENS

CONFIG = PlanConfig(bins=[512, 1024, 8192], max_ranks=64)
WORKLOAD = Workload()


def _by_id(table):
    return {row["complex_id"]: row for row in table.to_pylist()}


def test_first_edge_that_is_at_least_the_size(tokens):
    rows = _by_id(make_plan(tokens([1, 512, 513, 1024, 8192]), CONFIG, WORKLOAD).plan)
    assert [rows[f"c{i}"]["bin"] for i in range(5)] == ["0000512", "0000512", "0001024", "0001024", "0008192"]


def test_mesh_of_a_bin_is_the_smallest_for_its_largest_member(tokens):
    planned = make_plan(tokens([100, 8000, 1100]), CONFIG, WORKLOAD)
    rows = _by_id(planned.plan)
    assert (rows["c0"]["mesh_rows"], rows["c0"]["mesh_cols"]) == (1, 1)
    assert (rows["c2"]["mesh_rows"], rows["c2"]["mesh_cols"]) == (1, 2)  # it shares the bin of c1
    size, limit = Size(8000, 64000), get_gpu("h100-80gb").usable_bytes
    assert peak_bytes(size, WORKLOAD, Mesh(1, 1)) > limit >= peak_bytes(size, WORKLOAD, Mesh(1, 2))
    assert rows["c1"]["predicted_peak_bytes"] == peak_bytes(size, WORKLOAD, Mesh(1, 2))


def test_complexes_over_the_last_edge_are_rejected_with_a_remedy(tokens):
    planned = make_plan(tokens([100, 9000]), CONFIG, WORKLOAD)
    (row,) = planned.rejected.to_pylist()
    assert (row["complex_id"], row["stage"], row["reason_code"]) == ("c1", "plan", "over_largest_bin")
    assert "9000 tokens" in row["reason"]
    assert "8192" in row["reason"]
    assert _by_id(planned.plan).keys() == {"c0"}


def test_complexes_over_the_largest_mesh_are_rejected_with_a_remedy(tokens):
    planned = make_plan(tokens([100, 8000]), PlanConfig(max_ranks=1), WORKLOAD)
    (row,) = planned.rejected.to_pylist()
    assert (row["complex_id"], row["reason_code"]) == ("c1", "over_largest_mesh")
    helps = "max_ranks (--max-ranks) of 2"
    for said in ("8000 tokens", "mesh 1x1", "h100-80gb", helps, "alignment pairs stage"):
        assert said in row["reason"]


def test_roles_are_kept(tokens):
    rows = tokens([100, 200]).to_pylist()
    table = rows_to_table(TOKENS, [rows[0], rows[1] | {"role": "decoy"}])
    rows = _by_id(make_plan(table, CONFIG, WORKLOAD).plan)
    assert (rows["c0"]["role"], rows["c1"]["role"]) == ("input", "decoy")


def test_largest_member_that_fits_sets_the_mesh_of_a_shared_bin(tokens):
    planned = make_plan(tokens([2500, 8000]), PlanConfig(bins=[8192], max_ranks=1), WORKLOAD)
    assert _by_id(planned.plan).keys() == {"c0"}
    assert _by_id(planned.rejected).keys() == {"c1"}


def test_equal_inputs_are_predicted_once_and_rejected_each(tokens):
    planned = make_plan(tokens([100, 100, 9000, 9000], same_as={1: 0, 3: 2}), CONFIG, WORKLOAD)
    assert _by_id(planned.plan).keys() == {"c0"}
    assert _by_id(planned.rejected).keys() == {"c2", "c3"}


def test_shards_are_numbered_per_bin_and_longest_first(tokens):
    sizes = list(range(300, 700, 5))
    rows = make_plan(tokens(sizes), PlanConfig(bins=[512, 1024], shard_minutes=5), WORKLOAD).plan.to_pylist()
    for name in ("0000512", "0001024"):
        members = [row for row in rows if row["bin"] == name]
        shards = sorted({row["shard"] for row in members})
        assert shards == list(range(len(shards)))
        assert len(shards) > 1
        for shard in shards:
            own = [row for row in members if row["shard"] == shard]
            assert [row["position"] for row in own] == list(range(len(own)))
            assert [row["n_tokens"] for row in own] == sorted((row["n_tokens"] for row in own), reverse=True)


def test_plan_is_reproducible_and_of_the_declared_schema(tokens):
    table = tokens([100, 100, 700, 9000])
    first, second = (make_plan(table, CONFIG, WORKLOAD) for _ in range(2))
    assert first.plan.equals(second.plan)
    check(PLAN, first.plan)
    check(REJECTED, first.rejected)


def test_no_complexes(tokens):
    planned = make_plan(tokens([]), CONFIG, WORKLOAD)
    assert planned.plan.num_rows == planned.rejected.num_rows == 0
    assert coverage(tokens([]), planned.plan) == []


def test_unknown_gpu():
    with pytest.raises(UsageError, match="valid: a100"):
        make_plan(empty(TOKENS), PlanConfig(gpu="abacus"), WORKLOAD)


def test_coverage_counts_all_complexes_of_known_size(tokens):
    table = tokens([100, 100, 700, 9000], same_as={1: 0})
    rows = coverage(table, make_plan(table, CONFIG, WORKLOAD).plan)
    assert [(r.upper, r.complexes, r.share, r.predictions) for r in rows] == [
        (512, 2, 0.5, 1),
        (1024, 3, 0.75, 1),
    ]
    assert all(r.makespan_seconds >= r.ideal_seconds > 0 for r in rows)


def test_gpu_hours_count_every_rank_and_start_up(tokens):
    table = tokens([8000])
    planned = make_plan(table, CONFIG, WORKLOAD)
    seconds = planned.plan["predicted_seconds"][0].as_py()
    (row,) = coverage(table, planned.plan)
    assert row.mesh == Mesh(1, 2)
    assert row.gpu_hours == pytest.approx(2 * (seconds + 45) / 3600)


def test_render_is_aligned(tokens):
    table = tokens([100, 700])
    lines = render(coverage(table, make_plan(table, CONFIG, WORKLOAD).plan)).splitlines()
    assert len(lines) == 3
    assert len({len(line) for line in lines}) == 1
    assert lines[2].split()[:6] == ["1024", "2", "100.0%", "1x1", "1", "1"]


@pytest.mark.parametrize(("seconds", "text"), [(5, "5s"), (600, "10m"), (3599, "1h 00m"), (7260, "2h 01m")])
def test_duration(seconds, text):
    assert duration(seconds) == text
