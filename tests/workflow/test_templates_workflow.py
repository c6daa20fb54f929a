"""Templates through the real Snakemake: what is redone when a file changes; nothing is predicted."""

import re

import pytest
from features.complexes import write_template
from workflow.test_controls_workflow import run  # noqa: F401 (a fixture)

LINES = "complex_id,member,file,chain\nCPX-1278,,cif/x.cif,\nCPX-1279,,gone.cif,\n"


def keys(tables):
    return {row["complex_id"]: row["input_key"] for row in tables["04_tokens"]}


def test_a_changed_file_changes_its_complex_alone(run, tmp_path):  # noqa: F811
    (tmp_path / "cif").mkdir()
    write_template(tmp_path / "cif" / "x.cif", ["MKTAYIAKQRQISFVK"], seed=0)
    (tmp_path / "templates.csv").write_text(LINES)
    table = {"table": "config/demo/complexes.tsv"}
    first, said = run(complexes={**table, "templates": "templates.csv"})
    assert "2 files of templates, 1 of them unusable, for 2 complexes" in said
    assert {r["complex_id"]: r["n_templates"] for r in first["04_tokens"]}["CPX-1278"] == 1
    (flag,) = [flag for r in first["04_tokens"] for flag in r["flags"] if flag.startswith("weak_template:")]
    assert re.fullmatch(r"weak_template:P\w{5}:\d/\d+", flag)
    assert sum(row["n_templates"] for row in first["04_tokens"]) == 1
    (bad,) = [row for row in first["04_rejected"] if row["reason_code"] == "bad_template"]
    assert bad["complex_id"] == "CPX-1279" and bad["reason"].endswith("gone.cif: no such file")
    assert all(row["matched_to"] != "CPX-1279" for row in first["03_controls"])
    _, said = run("-n", complexes={**table, "templates": "templates.csv"})
    assert "Nothing to be done" in said
    # One file gets another content, and one that was missing is there.
    write_template(tmp_path / "cif" / "x.cif", ["MKTAYIAKQRQISFVK"], seed=1)
    write_template(tmp_path / "gone.cif", ["MKTAYIAKQRQISFVK"], seed=2)
    second, _ = run(complexes={**table, "templates": "templates.csv"})
    assert {name for name, key in keys(first).items() if keys(second).get(name, key) != key} == {"CPX-1278"}
    assert "CPX-1279" in keys(second) and not {r["reason_code"] for r in second["04_rejected"]} & {
        "bad_template"
    }


@pytest.mark.parametrize(("name", "taken"), [("{x}.cif", False), ("{x.cif", True)])
def test_a_name_that_snakemake_takes_for_a_wildcard_is_told(run, tmp_path, name, taken):  # noqa: F811
    write_template(tmp_path / name, ["MKTAYIAKQRQISFVK"], seed=0)
    (tmp_path / "templates.csv").write_text(f"complex_id,member,file,chain\nCPX-1278,,{name},\n")
    complexes = {"table": "config/demo/complexes.tsv", "templates": "templates.csv"}
    if taken:
        run("-n", complexes=complexes)
    else:
        with pytest.raises(AssertionError, match=r"takes a word in braces for a wildcard; rename \{x\}\.cif"):
            run("-n", complexes=complexes)
