"""The host's peak memory while featurizing 20 000 tokens, of which one byte per pair would be 381 MiB."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from boltz.data import const
from boltz.data.types import MSA, MSADeletion, MSAResidue, MSASequence
from features.upstream import arguments

from foldcp.features import featurize as module

CHAINS, RESIDUES, SEQUENCES = 40, 500, 1024
N = CHAINS * RESIDUES
LIMIT = N * N // 2
"""Half a byte per pair. Linear in what there is, it would be 5 B per element of the alignment and some kB per
token: about 120 MiB."""


def peak_growth(call):
    """Return what a call returns, and by how many bytes the process's resident memory rose at its peak."""
    status = Path("/proc/self/status")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    result = call()
    peak = dict(line.split(":", 1) for line in status.read_text().splitlines())["VmHWM"]
    return result, 1024 * (int(peak.split()[0]) - int(lines["VmRSS"].split()[0]))


def _write(folder, n_chains):
    letters = np.array(list("ARNDCQEGHILKMFPSTWYV"))
    drawn = letters[np.random.default_rng(0).integers(0, 20, (n_chains, RESIDUES))]
    chains = [
        f"  - protein: {{id: C{n}, sequence: {''.join(row)}, msa: empty}}" for n, row in enumerate(drawn)
    ]
    path = folder / "large.yaml"
    path.write_text("\n".join(["sequences:", *chains, ""]))
    return path


def _alignment(query, random):
    residues = random.integers(2, 22, (SEQUENCES, len(query)), dtype=np.int8)
    residues[0] = query
    sequences = np.zeros(SEQUENCES, MSASequence)
    sequences["seq_idx"] = np.arange(SEQUENCES)
    sequences["taxonomy"] = np.where(np.arange(SEQUENCES) % 2, np.arange(SEQUENCES), -1)
    sequences["res_start"] = np.arange(SEQUENCES) * len(query)
    sequences["res_end"] = sequences["res_start"] + len(query)
    return MSA(sequences, np.zeros(0, MSADeletion), residues.reshape(-1).view(MSAResidue))


@pytest.fixture(scope="module")
def large(tmp_path_factory, demo_cache):
    """A complex of 20 000 tokens with an alignment for every chain, half of it paired."""
    parsed, *others = arguments(_write(tmp_path_factory.mktemp("large"), CHAINS), demo_cache)
    queries = parsed.structure.residues["res_type"].reshape(CHAINS, RESIDUES)
    random = np.random.default_rng(1)
    return replace(parsed, msa={n: _alignment(query, random) for n, query in enumerate(queries)}), *others


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads Linux's own peak counter")
class TestPeak:
    def test_nothing_is_quadratic(self, large):
        features, peak = peak_growth(lambda: module.featurize(*large, 0))
        assert features.n_tokens == N
        assert features.n_sequences > SEQUENCES
        assert features.tokens.profile.shape == (N, const.num_tokens)
        assert peak < LIMIT

    def test_one_byte_per_pair_is_seen(self):
        _, peak = peak_growth(lambda: np.ones((N, N), np.int8).sum(dtype=np.int64))
        assert peak > LIMIT
