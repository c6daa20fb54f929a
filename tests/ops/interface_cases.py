"""Random complexes with errors on a grid, and a slow reading of the definitions to compare with."""

from dataclasses import fields
from types import SimpleNamespace

import numpy as np

from foldcp.scores.interface_errors import InterfaceErrors

NAMES = [field.name for field in fields(InterfaceErrors)]
KINDS = ("protein", "protein", "rna", "dna", "ligand")


def random_case(n_chains, seed, n=101):
    """Return a complex: chains of unequal length, the last of one token, of all kinds, some tokens uncounted.

    Errors are multiples of 0.5 Å and positions of 2 Å, so that some lie exactly at a threshold.
    """
    random = np.random.default_rng(seed)
    cuts = random.choice(np.arange(1, n - 1), max(n_chains - 2, 0), replace=False)
    bounds = np.sort([0, *cuts, *([n - 1] if n_chains > 1 else []), n])
    chain = np.repeat(np.arange(n_chains), np.diff(bounds))
    inner = range(2, n_chains - 1)
    kinds = tuple(KINDS[random.integers(len(KINDS)) if c in inner else 0] for c in range(n_chains))
    ligand = np.array([kind == "ligand" for kind in kinds])[chain]
    return SimpleNamespace(
        chain=chain,
        kinds=kinds,
        counted=((random.random(n) < 0.85) | (np.arange(n) == n - 1)) & ~ligand,
        contact=2.0 * random.integers(-3, 4, (n, 3)),
        pae=(np.ceil(60 * random.random((n, n)) ** 2) / 2).astype(np.float32),
        plddt=random.random(n),
    )


def d0(length, floor):
    return max(floor, 1.24 * (length - 15) ** (1 / 3) - 1.8) if length > 15 else floor


def reference(case):
    """Return every score by its definition: loops over pairs of chains and residues, on the whole matrix."""
    n_chains = len(case.kinds)
    scores = {name: np.full((n_chains, n_chains), np.nan) for name in NAMES}
    for a in range(n_chains):
        for b in range(n_chains):
            scored, aligned = (np.flatnonzero((case.chain == x) & case.counted) for x in (a, b))
            if a != b and len(scored) and len(aligned):
                floor = 2.0 if {"rna", "dna"} & {case.kinds[a], case.kinds[b]} else 1.0
                for name, value in _directed(case, aligned, scored, floor).items():
                    scores[name][a, b] = value
    return scores


def _directed(case, aligned, scored, floor):
    pae = case.pae[np.ix_(aligned, scored)].astype(np.float64)
    gap = np.linalg.norm(case.contact[aligned][:, None] - case.contact[scored], axis=-1)
    near, close = pae < 10, (pae < 10) & (gap < 10)
    n_chn = len(aligned) + len(scored)
    n_dom = near.any(0).sum() + near.any(1).sum()
    d0_chn, d0_dom = d0(n_chn, floor), d0(n_dom, floor)

    def means(scale_of, mask):
        rows = zip(pae, mask, strict=True)
        return [
            float(np.mean(1 / (1 + (row[m] / scale_of(m.sum())) ** 2))) if m.any() else 0.0 for row, m in rows
        ]

    of_residue = means(lambda n: d0(n, floor), near)
    best = int(np.argmax(of_residue))
    local, contact = pae < 12, gap <= 8
    both = local & contact
    mean = lambda values, empty: values.mean() if len(values) else empty  # noqa: E731
    return {
        "ipsae": of_residue[best],
        "ipsae_d0chn": max(means(lambda n: d0_chn, near)),
        "ipsae_d0dom": max(means(lambda n: d0_dom, near)),
        "iptm_d0chn": max(means(lambda n: d0_chn, np.ones_like(near))),
        "n0res": near[best].sum(),
        "n0chn": n_chn,
        "n0dom": n_dom,
        "d0res": d0(near[best].sum(), floor),
        "d0chn": d0_chn,
        "d0dom": d0_dom,
        "nres_a": near.any(0).sum(),
        "nres_b": near.any(1).sum(),
        "dist_a": close.any(0).sum(),
        "dist_b": close.any(1).sum(),
        "contact_tm": mean(1 / (1 + (pae[contact] / 10) ** 2), np.nan),
        "lis": mean((12 - pae[local]) / 12, 0.0),
        "lia": local.sum(),
        "clis": mean((12 - pae[both]) / 12, 0.0),
        "clia": both.sum(),
        "pae_contacts": mean(pae[contact], np.nan),
        "pae_min": pae.min(),
    }


def difference(got, expected):
    """Return the largest difference of each score; infinite where one is NaN and the other is not."""
    found = {}
    for name in NAMES:
        a, b = np.asarray(got[name]), expected[name]
        assert a.shape == b.shape
        same_nan = np.array_equal(np.isnan(a), np.isnan(b))
        found[name] = float(np.nanmax(np.abs(a - b), initial=0)) if same_nan else np.inf
    return found
