"""What Boltz's own featurizer makes of an input, and the comparison of two sets of compact features."""

from dataclasses import fields

import numpy as np
import torch
from boltz.data import const
from boltz.data.feature.featurizerv2 import Boltz2Featurizer
from boltz.data.module.inferencev2 import collate
from boltz.data.mol import load_canonicals, load_molecules
from boltz.data.tokenize.boltz2 import Boltz2Tokenizer

from foldcp.demo import molecules as demo_molecules
from foldcp.predict.document import read
from foldcp.predict.inputs import component_codes, parse

RECORDS = ("tokens", "atoms", "alignment", "templates", "pairs")
ROUNDED = ("deletion_mean",)
"""Ours is another program's arctan; everything else is equal bit for bit."""


def arguments(path, cache):
    """Return the arguments of `featurize` but the seed: the parsed input, molecules, canonicals."""
    document = read(path)
    folder = demo_molecules.build(cache, component_codes(document))
    canonicals = load_canonicals(folder)
    return parse(document, path.stem, folder, canonicals, seed=5), folder, canonicals


def dense_batch(parsed, folder, canonicals, seed, max_seqs=const.max_msa_seqs):
    """Return the batch that Boltz's own prediction data set would, with as many rows of the alignment."""
    tokenized = Boltz2Tokenizer().tokenize(parsed)
    known = {**canonicals, **parsed.extra_mols}
    known |= load_molecules(folder, sorted(set(tokenized.tokens["res_name"].tolist()) - set(known)))
    options = tokenized.record.inference_options
    torch.manual_seed(seed)
    features = Boltz2Featurizer().process(
        tokenized,
        molecules=known,
        random=np.random.default_rng(42),
        training=False,
        max_seqs=max_seqs,
        compute_frames=True,
        inference_pocket_constraints=options.pocket_constraints,
        inference_contact_constraints=options.contact_constraints,
        compute_constraint_features=True,
    )
    return collate([features]) | {"contact_atom": contact_atoms(parsed.structure)[None]}


def contact_atoms(structure):
    """Return what Boltz has no feature for: each residue's Cβ, Cα or C3' among the atoms of the tokens."""
    found, n_atoms = [], 0
    for chain in structure.chains[structure.mask]:
        for residue in structure.residues[chain["res_idx"] : chain["res_idx"] + chain["res_num"]]:
            start, count = residue["atom_idx"], residue["atom_num"]
            at = {name: n_atoms + k for k, name in enumerate(structure.atoms["name"][start : start + count])}
            n_atoms += count
            if const.chain_types[chain["mol_type"]] == "NONPOLYMER":
                found += [-1] * count
            elif "CA" in at:
                found.append(at.get("CB", at["CA"]))
            else:
                found.append(at["C3'"] if "C1'" in at else -1)
    return torch.tensor(found)


def differences(one, other):
    """Return the names of the features in which two `Features` differ, the list of chains left out."""
    pairs = [
        (
            f"{record}.{field.name}",
            getattr(getattr(one, record), field.name),
            getattr(getattr(other, record), field.name),
        )
        for record in RECORDS
        for field in fields(getattr(one, record))
    ]
    return [name for name, a, b in pairs if not _equal(name, a, b)]


def _equal(name, a, b):
    if not isinstance(a, torch.Tensor):
        return a == b
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return torch.allclose(a, b, rtol=1e-6, atol=0) if name.endswith(ROUNDED) else torch.equal(a, b)
