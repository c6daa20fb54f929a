"""Rows of the score tables for one sample: its metrics, made once and written by column."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from foldcp.scores.metrics.buried_area import BuriedArea, buried_area
from foldcp.scores.metrics.clashes import clashes
from foldcp.scores.metrics.contacts import Contacts, contacts, mean_plddt
from foldcp.scores.metrics.ilis import ilis
from foldcp.scores.metrics.pdockq import pdockq
from foldcp.scores.metrics.pdockq2 import pdockq2
from foldcp.scores.metrics.symmetry import symmetry
from foldcp.scores.metrics.weakest import best_partners, weakest
from foldcp.scores.sample import KINDS, Sample
from foldcp.tables.score_schemas import SCORES_CHAINS, SCORES_INTERFACES, SCORES_SAMPLES

Row = dict[str, Any]

_DECIMALS = 6
"""What is kept of a number: as much as ipsae.py prints."""
_FROM_PROGRAM = (
    "confidence_score",
    "ptm",
    "iptm",
    "protein_iptm",
    "ligand_iptm",
    "complex_plddt",
    "complex_iplddt",
    "complex_pde",
    "complex_ipde",
)
_FROM_ERRORS = (
    "ipsae",
    "ipsae_d0chn",
    "ipsae_d0dom",
    "iptm_d0chn",
    "n0res",
    "n0chn",
    "n0dom",
    "d0res",
    "d0chn",
    "d0dom",
    "nres_a",
    "nres_b",
    "dist_a",
    "dist_b",
    "lis",
    "lia",
    "clis",
    "clia",
    "pae_contacts",
    "pae_min",
)


@dataclass(frozen=True)
class Measured:
    """Rows of one sample."""

    sample: Row
    chains: list[Row]
    interfaces: list[Row]


@dataclass(frozen=True)
class _Metrics:
    contacts: Contacts
    area: BuriedArea | None
    clashes: np.ndarray
    pairs: dict[str, np.ndarray]
    """Columns of the interfaces table, (C, C), NaN where there is no value."""


def measure(sample: Sample) -> Measured:
    """Return the rows of one sample: all columns but those that only a campaign knows."""
    n = len(sample.chains)
    found = contacts(sample.tokens)
    area = buried_area(sample.atoms, n)
    clashing = clashes(sample.atoms, n)
    metrics = _Metrics(found, area, clashing, _pairs(sample, found, area, clashing))
    return Measured(
        _sample_row(sample, metrics), _chain_rows(sample, metrics), _interface_rows(sample, metrics)
    )


def _pairs(
    sample: Sample, found: Contacts, area: BuriedArea | None, clashing: np.ndarray
) -> dict[str, np.ndarray]:
    n = len(sample.chains)
    none = np.full((n, n), np.nan)
    errors = {name: getattr(sample.errors, name, none) for name in (*_FROM_ERRORS, "contact_tm")}
    residues = {
        "pdockq": pdockq(found.plddt, found.pairs),
        "pdockq2": none if sample.errors is None else pdockq2(found.plddt, errors["contact_tm"], found.pairs),
        "n_contacts": found.pairs,
        "n_residues_a": found.residues,
        "n_residues_b": found.residues.T,
        "interface_plddt": found.plddt,
    }
    # Contacts are counted between residues, of which a ligand has none.
    counted = np.bincount(sample.tokens.chain, sample.tokens.counted, n) > 0
    both = counted[:, None] & counted
    errors.pop("contact_tm")
    return (
        {"chain_pair_iptm": none if sample.chain_pair_iptm is None else sample.chain_pair_iptm}
        | errors
        | {"ilis": ilis(errors["lis"], errors["clis"])}
        | {name: np.where(both, value, np.nan) for name, value in residues.items()}
        | {"buried_area": none if area is None else area.pairs, "n_clashes": clashing}
    )


def _sample_row(sample: Sample, metrics: _Metrics) -> Row:
    pairs, found = metrics.pairs, metrics.contacts
    symmetric = symmetry(sample.atoms, sample.tokens.kinds)
    highest, _ = best_partners(pairs["ipsae"])
    row = {
        "sample": sample.number,
        "program": sample.program,
        "n_tokens": len(sample.plddt),
        "n_chains": len(sample.chains),
        "ranking_score": sample.ranking_score,
        **{name: sample.scores.get(name) for name in _FROM_PROGRAM},
        "interface_plddt": mean_plddt(sample.tokens, found.touching),
        "ipsae_max": _highest(pairs["ipsae"]),
        "ipsae_weakest": weakest(highest, sample.tokens.kinds),
        "pdockq_max": _highest(pairs["pdockq"]),
        "pdockq2_max": _highest(pairs["pdockq2"]),
        "lis_max": _highest((pairs["lis"] + pairs["lis"].T) / 2),
        "ilis_max": _highest((pairs["ilis"] + pairs["ilis"].T) / 2),
        "n_interfaces": np.count_nonzero(found.pairs) // 2,
        "n_contacts": found.pairs.sum() // 2,
        "buried_area": np.nan if metrics.area is None else metrics.area.complex,
        "n_clashes": metrics.clashes.sum() // 2,
        "symmetry": symmetric.group if symmetric else None,
        "symmetry_rmsd": symmetric.rmsd if symmetric else None,
        "structure": sample.structure.as_posix(),
    }
    return {name: _value(value, SCORES_SAMPLES.schema.field(name).type) for name, value in row.items()}


def _chain_rows(sample: Sample, metrics: _Metrics) -> list[Row]:
    n = len(sample.chains)
    tokens, found = sample.tokens, metrics.contacts
    highest, partner = best_partners(metrics.pairs["ipsae"])
    counted = [(tokens.chain == a) & tokens.counted for a in range(n)]
    plddt = sample.plddt_by_chain()
    columns = {
        "sample": [sample.number] * n,
        "chain_id": [chain.chain_id for chain in sample.chains],
        "chain_index": range(n),
        "entity_type": [chain.entity_type for chain in sample.chains],
        "n_tokens": [chain.n_tokens for chain in sample.chains],
        "chain_ptm": [np.nan] * n if sample.chain_ptm is None else sample.chain_ptm,
        "mean_plddt": [part.mean() for part in plddt],
        "min_plddt": [part.min() for part in plddt],
        "interface_plddt": [mean_plddt(tokens, own & found.touching) for own in counted],
        "ipsae_max": highest,
        "ipsae_partner": [sample.chains[b].chain_id if b >= 0 else None for b in partner],
        "n_contacts": np.where([own.any() for own in counted], found.pairs.sum(axis=1), np.nan),
        "buried_area": [np.nan] * n if metrics.area is None else metrics.area.chains,
    }
    return _rows(columns, SCORES_CHAINS.schema)


def _interface_rows(sample: Sample, metrics: _Metrics) -> list[Row]:
    n = len(sample.chains)
    a, b = np.nonzero(~np.eye(n, dtype=bool))
    names = np.array([chain.chain_id for chain in sample.chains], dtype=object)
    kinds = [chain.entity_type for chain in sample.chains]
    columns = {
        "sample": [sample.number] * len(a),
        "chain_a": names[a],
        "chain_b": names[b],
        "kind": ["-".join(sorted((kinds[i], kinds[j]), key=KINDS.index)) for i, j in zip(a, b, strict=True)],
    }
    return _rows(columns | {k: v[a, b] for k, v in metrics.pairs.items()}, SCORES_INTERFACES.schema)


def _highest(values: np.ndarray) -> float:
    """Return the highest value off the diagonal that is not NaN; NaN if there is none."""
    off = values[~np.eye(len(values), dtype=bool)]
    return float(np.nanmax(off)) if not np.isnan(off).all() else float("nan")


def _rows(columns: dict[str, Any], schema: pa.Schema) -> list[Row]:
    values = [_values(column, schema.field(name).type) for name, column in columns.items()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _values(column: Any, kind: pa.DataType) -> list[Any]:
    """Return a column as plain values: rounded, whole where it is declared so, None where not finite."""
    if pa.types.is_string(kind):
        return list(column)
    numbers = np.round(np.asarray(column, dtype=np.float64), _DECIMALS)
    whole = pa.types.is_integer(kind)
    return [(int(v) if whole else v) if math.isfinite(v) else None for v in numbers.tolist()]


def _value(value: Any, kind: pa.DataType) -> Any:
    return None if value is None else _values([value], kind)[0]
