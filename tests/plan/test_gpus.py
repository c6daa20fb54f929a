from pathlib import Path

import pytest

from foldcp.errors import InputError, UsageError
from foldcp.plan import gpus

ISSUE = {"a100-40gb", "a100-80gb", "h100-80gb", "h200-141gb", "b200-180gb", "cpu"}


def test_models_of_the_issue_are_known():
    models = gpus.load_gpus()
    assert set(models) >= ISSUE
    assert models["h100-80gb"].usable_bytes < 80e9 < models["h100-80gb"].memory_gib * gpus.GIB / 0.99
    assert models["h100-80gb"].flops_per_second("bf16-mixed") > models["h100-80gb"].flops_per_second("fp32")


def test_there_is_one_file():
    root = Path(gpus.__file__).parents[2]
    assert (root / "config" / "gpus.yaml").resolve() == Path(gpus.__file__).with_name("gpus.yaml")


def test_own_file_adds_and_overrides(tmp_path):
    own = tmp_path / "gpus.yaml"
    own.write_text("h100-80gb: {memory_gib: 64, usable: 1, gpus_per_node: 4, tflops: {fp32: 1, bf16: 2}}\n")
    assert gpus.get_gpu("h100-80gb", own).gpus_per_node == 4
    assert gpus.get_gpu("a100-80gb", own).gpus_per_node == 8


def test_unknown_model_lists_the_known_ones():
    with pytest.raises(UsageError, match=r"'h100'; valid: a100-40gb, .*h100-80gb"):
        gpus.get_gpu("h100")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x: [", "not readable as YAML"),
        ("- x", "expected names of GPU models, each with its memory_gib, usable, gpus_per_node, tflops"),
        ("x: {memory_gib: 1}", "not valid"),
        ("x: {memory_gib: -1, usable: 1, gpus_per_node: 1, tflops: {fp32: 1, bf16: 1}}", "greater than 0"),
        (
            "x: {memory_gib: 1, usable: 1, gpus_per_node: 1, tflops: {fp32: 1, bf16: 1}, colour: red}",
            "colour",
        ),
    ],
)
def test_wrong_file_is_explained(tmp_path, text, said):
    own = tmp_path / "gpus.yaml"
    own.write_text(text)
    with pytest.raises(InputError, match=said):
        gpus.load_gpus(own)


def test_absent_file_is_explained(tmp_path):
    with pytest.raises(InputError, match="not a readable file of GPU models"):
        gpus.load_gpus(tmp_path / "none.yaml")
