"""Samples made in memory: chains as random walks, a random error matrix, the rest as a reader fills it."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np

from foldcp.scores.aligned_error import ErrorArray, interface_errors
from foldcp.scores.sample import Chain, HeavyAtoms, Sample
from foldcp.scores.tokens import ScoredTokens


def random_sample(
    seed: int, chains: list[tuple[str, int]], *, number: int = 0, scale: float = 4.0, with_errors: bool = True
) -> Sample:
    """Return a sample of chains (kind, tokens), whose tokens follow each other `scale` ångströms apart."""
    rng = np.random.default_rng(seed)
    parts = [np.cumsum(rng.normal(0, scale / 3**0.5, (n, 3)), axis=0) for _, n in chains]
    kinds = tuple(kind for kind, _ in chains)
    chain = np.repeat(np.arange(len(chains)), [n for _, n in chains])
    coord = np.concatenate(parts)
    kind_of = np.array(kinds)[chain]
    tokens = ScoredTokens(chain, kinds, kind_of != "ligand", coord, rng.random(len(chain)))
    pae = ErrorArray(rng.uniform(0.2, 31.7, (len(chain), len(chain))), "twin")
    size = len(chains)
    return Sample(
        number=number,
        program="boltz",
        chains=tuple(Chain(f"C{i}", kind, n) for i, (kind, n) in enumerate(chains)),
        scores={"confidence_score": rng.random(), "ptm": rng.random(), "iptm": 0.0, "complex_pde": 1.5},
        ranking_score=rng.random(),
        chain_ptm=rng.random(size),
        chain_pair_iptm=rng.random((size, size)),
        tokens=tokens,
        atoms=HeavyAtoms(
            coord,
            chain,
            tuple({"protein": "CA", "ligand": "C1"}.get(kind, "C1'") for kind in kind_of),
            tuple({"protein": "ALA", "ligand": "LIG", "rna": "A", "dna": "DA"}[kind] for kind in kind_of),
            ("C",) * len(chain),
        ),
        structure=Path(f"x_model_{number}.cif"),
        errors=interface_errors(pae, tokens) if with_errors and size > 1 else None,
    )


def with_chains_in_order(sample: Sample, order: list[int]) -> Sample:
    """Return the same sample with its chains in another order; every name stays with its chain."""
    tokens = sample.tokens
    picked = np.concatenate([np.flatnonzero(tokens.chain == c) for c in order])
    atoms = np.concatenate([np.flatnonzero(sample.atoms.chain == c) for c in order])
    new = np.argsort(order)
    pick = np.ix_(order, order)
    errors = sample.errors
    return replace(
        sample,
        chains=tuple(sample.chains[c] for c in order),
        chain_ptm=sample.chain_ptm[order],
        chain_pair_iptm=sample.chain_pair_iptm[pick],
        tokens=ScoredTokens(
            new[tokens.chain[picked]],
            tuple(tokens.kinds[c] for c in order),
            tokens.counted[picked],
            tokens.contact[picked],
            tokens.plddt[picked],
        ),
        atoms=HeavyAtoms(
            sample.atoms.coord[atoms],
            new[sample.atoms.chain[atoms]],
            *(tuple(getattr(sample.atoms, k)[i] for i in atoms) for k in ("name", "residue", "element")),
        ),
        errors=errors and type(errors)(**{f.name: getattr(errors, f.name)[pick] for f in fields(errors)}),
    )
