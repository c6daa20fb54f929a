"""The recipes for other sites agree with the project. They cannot be built here, so their text is checked."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECIPE = (ROOT / "envs" / "Containerfile").read_text().replace("\\\n", " ")


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} +(.*)$", RECIPE, re.M)


def pins() -> dict[str, Version]:
    lines = (ROOT / "envs" / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {re.sub(r"[-_.]+", "-", name).lower(): Version(version) for name, version in pairs}


def test_the_container_takes_in_what_exists_and_what_the_workflow_reads():
    taken = {path for line in instructions("COPY") for path in line.split()[:-1]}
    assert all((ROOT / path).exists() for path in taken)
    assert taken >= {"Snakefile", "rules", "workflow", "config", "slurm", "envs", "foldcp", "pyproject.toml"}
    for path in (ROOT / "config").rglob("*"):  # a link out of what is taken in would be broken
        assert path.resolve().relative_to(ROOT).parts[0] in taken


def test_the_container_takes_in_what_the_package_is_built_from():
    taken = {path for line in instructions("COPY") for path in line.split()[:-1]}
    for pattern in [PROJECT["readme"], *PROJECT["license-files"]]:
        files = [path.relative_to(ROOT) for path in ROOT.glob(pattern)]
        assert files and all({str(path), path.parts[0]} & taken for path in files), pattern


def test_alignments_can_be_searched_everywhere():
    (installed,) = (line for line in instructions("RUN") if "apt-get" in line)
    assert "mmseqs2" in installed.split()
    conda = yaml.safe_load((ROOT / "envs" / "foldcp.yaml").read_text())
    assert "mmseqs2" in conda["dependencies"]
    # Bioconda's packages are built on conda-forge's, which go first.
    assert conda["channels"][:2] == ["conda-forge", "bioconda"]


def test_the_container_installs_constrained_versions_only():
    commands = [c for line in instructions("RUN") for c in line.split("&&") if "pip install" in c]
    assert commands and all("-c envs/constraints.txt" in command for command in commands)
    assert not re.search(r"[=<>]=", " ".join(commands))  # versions are the constraints' business


def test_the_container_needs_a_base_image_and_no_other_place():
    assert instructions("FROM") == ["python:3.11-slim"]
    assert "://" not in RECIPE


def test_python_is_the_same_everywhere():
    (image,) = instructions("FROM")
    python = image.partition(":")[2].removesuffix("-slim")
    assert python in Requirement(f"python{PROJECT['requires-python']}").specifier
    for name in ("foldcp.yaml", "analysis.yaml"):
        wanted = yaml.safe_load((ROOT / "envs" / name).read_text())["dependencies"]
        assert f"python={python}" in wanted


@pytest.mark.parametrize("text", PROJECT["dependencies"])
def test_each_dependency_has_a_constraint_that_it_allows(text):
    wanted = Requirement(text)
    assert pins()[wanted.name.lower()] in wanted.specifier
