"""The profile `slurm/config.yaml`: what it says reaches the configuration, examples included."""

import re
from pathlib import Path

import pytest
import yaml
from snakemake.cli import parse_config
from snakemake.profiles import ProfileConfigFileParser
from snakemake.settings.types import ConfigSettings

from foldcp import config

PROFILE = Path(__file__).resolve().parents[2] / "slurm" / "config.yaml"
RULES = PROFILE.parents[1] / "rules"


@pytest.fixture
def uncommented(tmp_path) -> Path:
    """The profile of a site that has filled in every example."""
    text = re.sub(r"^( +)# ( *\w+:.*)$", r"\1\2", PROFILE.read_text(), flags=re.M)
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def values(path) -> dict:
    """Return what Snakemake makes of the profile's config section: everything is text."""
    with path.open() as stream:
        return parse_config(ProfileConfigFileParser().parse(stream)["config"])


def test_every_example_is_valid_and_arrives_as_written(uncommented):
    written = yaml.safe_load(uncommented.read_text())["config"]
    assert set(written["predict"]["slurm"]) >= {"partition", "account", "qos", "constraint", "gres", "mem_gb"}
    base = {"complexes": {"table": "t"}}
    assert config.parse(base | values(uncommented)) == config.parse(base | written)


def test_it_goes_over_a_configuration_key_by_key(tmp_path):
    own = tmp_path / "my.yaml"
    own.write_text("{complexes: {table: t}, predict: {launcher: local, steps: 5, slurm: {partition: mine}}}")
    merged = ConfigSettings(config=values(PROFILE), configfiles=[own]).overwrite_config
    got = config.parse(merged).predict
    assert (got.launcher, got.steps, got.slurm.partition) == ("slurm", 5, "mine")


def test_options_without_a_value_survive_the_text():
    slurm = {"extra": {"exclusive": "True", "exclude": "n7"}}
    got = config.parse({"complexes": {"table": "t"}, "predict": {"slurm": slurm}}).predict.slurm
    assert got.extra == {"exclusive": True, "exclude": "n7"}


def test_it_speaks_of_rules_that_exist():
    profile = yaml.safe_load(PROFILE.read_text())
    text = "".join(path.read_text() for path in RULES.glob("*.smk"))
    assert set(re.findall(r"^ *rule (\w+):", text, re.M)) >= set(profile["set-resources"])
