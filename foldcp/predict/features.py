"""Tokens and features of one input, through Boltz's own tokenizer and featurizer.

Boltz's data set answers a failure with the features of *another* record, so that a complex can get the
structure of a different one. Here one input goes in, and its own features or an error come out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foldcp.predict import seeds
from foldcp.predict.inputs import boltz_at_work

_FEATURIZER_SEED = 42
"""Boltz's own, for the generator it hands to the featurizer."""


@dataclass(frozen=True)
class Features:
    """What the model reads of one complex.

    Attributes
    ----------
    batch
        Boltz's feature tensors, with a leading batch dimension of 1.
    chains
        One entry per chain in token order: `chain_index`, `chain_id`, `entity_type`, `n_tokens`.
    """

    batch: Mapping[str, Any]
    chains: list[dict[str, Any]]

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""
        return sum(chain["n_tokens"] for chain in self.chains)


def featurize(parsed: Any, molecules: Path, canonicals: dict[str, Any], seed: int) -> Features:
    """Tokenize and featurize one parsed input.

    Parameters
    ----------
    parsed
        A `boltz.data.types.Input`.
    molecules
        Folder of molecules.
    canonicals
        Loaded molecules of the standard amino acids.
    seed
        Seed of the random rotations of the reference conformers.

    Raises
    ------
    InputError
        If Boltz cannot featurize the input.
    """
    from boltz.data.module.inferencev2 import collate
    from boltz.data.mol import load_molecules
    from boltz.data.tokenize.boltz2 import Boltz2Tokenizer

    with boltz_at_work("featurize this input"):
        tokenized = Boltz2Tokenizer().tokenize(parsed)
        known = {**canonicals, **parsed.extra_mols}
        names = set(tokenized.tokens["res_name"].tolist()) - set(known)
        known |= load_molecules(molecules, sorted(names))
        seeds.set_global(seed)
        batch = collate([_process(tokenized, known)])
    return Features(batch, _chains(parsed.record, tokenized.tokens["asym_id"]))


def _process(tokenized: Any, molecules: dict[str, Any]) -> dict[str, Any]:
    import numpy as np
    from boltz.data import const
    from boltz.data.feature.featurizerv2 import Boltz2Featurizer

    options = tokenized.record.inference_options
    # The arguments of Boltz's own prediction data set.
    return Boltz2Featurizer().process(
        tokenized,
        molecules=molecules,
        random=np.random.default_rng(_FEATURIZER_SEED),
        training=False,
        max_atoms=None,
        max_tokens=None,
        max_seqs=const.max_msa_seqs,
        pad_to_max_seqs=False,
        single_sequence_prop=0.0,
        compute_frames=True,
        inference_pocket_constraints=options.pocket_constraints,
        inference_contact_constraints=options.contact_constraints,
        compute_constraint_features=True,
        override_method=None,
        compute_affinity=False,
    )


def _chains(record: Any, token_chains: Any) -> list[dict[str, Any]]:
    from boltz.data import const

    entities = {"NONPOLYMER": "ligand"}
    names = {number: entities.get(name, name.lower()) for name, number in const.chain_type_ids.items()}
    return [
        {
            "chain_index": int(chain.chain_id),
            "chain_id": str(chain.chain_name),
            "entity_type": names[int(chain.mol_type)],
            "n_tokens": int((token_chains == chain.chain_id).sum()),
        }
        for chain in record.chains
    ]
