"""The configuration: one declaration, one schema, one page for users."""

import re
from pathlib import Path

import pytest
import yaml

from foldcp import config
from foldcp.errors import InputError, UsageError

ROOT = Path(__file__).resolve().parents[1]


def keys(model: type, prefix: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, config.Section):
            found |= keys(kind, f"{prefix}{name}.")
        else:
            found.add(prefix + name)
    return found


def test_schema_file_is_generated_from_the_models():
    assert (ROOT / "workflow/schemas/config.schema.yaml").read_text() == config.json_schema()


def test_readme_explains_exactly_the_declared_keys():
    explained = set(re.findall(r"^\| `([a-z_.]+)` \|", (ROOT / "config/README.md").read_text(), re.M))
    assert explained == keys(config.Config)


@pytest.mark.parametrize("name", ["config/config.yaml", "config/demo/config.yaml"])
def test_shipped_configurations_are_valid(name):
    assert config.load(ROOT / name).complexes.table.name == "complexes.tsv"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"complexes": {}}, "complexes: give complexes.table"),
        ({"complexes": {"table": "t", "screen": {"baits": "b"}}}, "one of the two, not both"),
        ({"complexes": {"table": "t", "screen": {"preys": "p"}}}, "go with complexes.screen.baits"),
        ({"complexes": {"table": "t", "screen": {"homodimers": True}}}, "go with complexes.screen.baits"),
        ({"complexes": {"screen": {"baits": "b"}, "copies": "c"}}, "complexes.copies goes with a table"),
        ({"complexes": {"screen": {"bait": "b"}}}, "complexes.screen.bait: no such key; valid here: baits"),
        ({"controls": {"decoys_per_complex": -1}}, "controls.decoys_per_complex: Input should be greater"),
        (
            {"complexes": {"table": "t", "formt": "csv"}},
            "complexes.formt: no such key; valid here: table, format",
        ),
        ({"predict": {"slurm": {"x": 1}}}, "predict.slurm.x: no such key; valid here: partition"),
        ({"plan": {"max_ranks": 0}}, "plan.max_ranks: Input should be greater than or equal to 1"),
        ({"predict": {"precision": "fp16"}}, "Input should be 'fp32', 'bf16-mixed' or 'bf16'"),
        ({"predict": {"budget": "huge"}}, "Input should be 'small', 'medium' or 'large'"),
        ({"plan": {"bins": [512, 256]}}, "ascending"),
        ({"predict": {"launcher": "lsf"}}, "'debug', 'local' or 'slurm'"),
        ({"msa": {"provider": "directory"}}, "msa.directory"),
        ({"msa": {"provider": "mmseqs,none"}}, "msa.mmseqs.database"),
        (
            {"msa": {"provider": "colabfold"}},
            "'colabfold' is unknown; valid: directory, mmseqs, server, none",
        ),
        ({"msa": {"provider": "none,server"}}, "none last; got 'none,server'"),
        ({"msa": {"provider": "server,server"}}, "names each once"),
        ({"msa": {"provider": "server,mmseqs", "mmseqs": {"database": "d"}}}, "not both"),
        ({"msa": {"provider": ""}}, "provider '' is unknown"),
        ({"msa": {"on_failure": "ignore"}}, "Input should be 'fail' or 'single'"),
        ({"seed": -1}, "seed"),
        ({"campaign": "a b"}, "campaign"),
    ],
)
def test_a_wrong_key_is_named(change, named):
    with pytest.raises(UsageError, match=re.escape(named)):
        config.parse({"complexes": {"table": "t"}, **change})


@pytest.mark.parametrize("text", ["[1, 2]", "a: b: c", "\x00", ""])
def test_a_file_that_is_no_configuration(tmp_path, text):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"c\.yaml"):
        config.load(path)


def test_hash_follows_the_named_sections_only():
    base = config.parse({"complexes": {"table": "t"}})
    other = config.parse({"complexes": {"table": "t"}, "report": {"top": 3}})
    assert base.sha256("predict") == other.sha256("predict")
    assert base.sha256("report") != other.sha256("report")
    assert base.sha256() != other.sha256()


def test_demo_warns():
    text = yaml.safe_load((ROOT / "config/demo/config.yaml").read_text())
    assert "mean nothing" in config.parse(text).note
    assert config.parse({"complexes": {"table": "t"}}).note is None


def test_keys_that_say_where_and_how_decide_nothing():
    """What Snakemake compares is what the completion markers compare, and the model."""
    from foldcp.predict import markers

    deciding = set(config.parse({"complexes": {"table": "t"}}).deciding("predict"))
    assert deciding == {*markers._RESULT_SETTINGS, "model"} - {"seed", "campaign"}


def test_a_key_inside_a_section_may_decide_nothing_too():
    sequences = {"uniprot": {"fetch": True, "requests_per_second": 3}}
    got = config.parse({"complexes": {"table": "t"}, "sequences": sequences})
    assert got.deciding("sequences")["uniprot"] == {"fetch": True}


def test_limits_of_rows():
    def msa(**values):
        return config.parse({"complexes": {"table": "t"}, "msa": values}).msa

    assert msa(max_rows=100).max_paired is None
    assert msa(max_rows=100, max_paired=100).max_paired == 100
    with pytest.raises(UsageError, match=r"max_paired \(101\) is more than max_rows \(100\)"):
        msa(max_rows=100, max_paired=101)
