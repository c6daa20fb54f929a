"""A small serial Boltz-2, random complexes with everything in them, and both kinds of features of each.

`complex_batch` is what Boltz's featurizer would return (dense, batch dimension 1); `compact_of` turns any
such batch into the project's `Features`. Serial modules read the first, the mesh reads the second.
"""

import functools

import torch
from boltz.data import const
from torch.nn.functional import one_hot

from foldcp.features import Alignment, Atoms, Features, PairFeatures, Templates, Tokens

WINDOW = 32
CHAINS = (  # length, entity, copy, molecule type: a homodimer, DNA, RNA, two ligands; N = 43 is prime
    (11, 0, 0, "PROTEIN"),
    (11, 0, 1, "PROTEIN"),
    (4, 1, 0, "DNA"),
    (5, 2, 0, "RNA"),
    (11, 3, 0, "NONPOLYMER"),
    (1, 4, 0, "NONPOLYMER"),
)


def tiny_sizes(**sizes):
    """Return the recipe of `tiny_model`: two blocks and heads of everything, for one would hide an error."""
    from foldcp.demo.sizes import Sizes

    twice = ("atom_blocks", "trunk_blocks", "msa_blocks", "template_blocks", "pair_heads")
    return Sizes(**{**dict.fromkeys(twice, 2), **sizes})


@functools.cache
def tiny_model(**sizes):
    """Return a random Boltz2 of the real class with every parameter alive, in evaluation mode."""
    from boltz.model.models.boltz2 import Boltz2

    from foldcp.demo import initialisation
    from foldcp.demo.model import _draw_parameters, _hyperparameters

    recipe = tiny_sizes(**sizes)
    with torch.random.fork_rng(devices=[]), initialisation.skipped():
        model = Boltz2(**_hyperparameters(recipe))
    _draw_parameters(model, recipe.seed)
    # Potentials act on forced constraints alone, which a mesh refuses; they ask for features of their own.
    model.steering_args = dict.fromkeys(model.steering_args, False)
    return model.eval()


def complex_batch(chains=CHAINS, n_sequences=7, n_templates=2, seed=0, masks=True, contacts=True):
    """Return a random dense batch in Boltz's format, with unequal chains, bonds, contacts and templates."""
    g = torch.Generator().manual_seed(seed)
    rand = functools.partial(torch.rand, generator=g)
    randn = functools.partial(torch.randn, generator=g)
    randint = functools.partial(torch.randint, generator=g)
    n = sum(chain[0] for chain in chains)
    lengths = torch.tensor([chain[0] for chain in chains])
    asym = torch.repeat_interleave(torch.arange(len(chains)), lengths)
    column = lambda k: torch.tensor([chain[k] for chain in chains])[asym]  # noqa: E731
    mol_type = torch.tensor([const.chain_type_ids[chain[3]] for chain in chains])[asym]
    start = torch.cumsum(lengths, 0) - lengths
    within = torch.arange(n) - start[asym]
    ligand = mol_type == const.chain_type_ids["NONPOLYMER"]
    residue_index = torch.where(ligand, 0, within)
    per_token = torch.where(ligand, 1, randint(4, 9, (n,)))
    token_of = torch.repeat_interleave(torch.arange(n), per_token)
    a_real = len(token_of)
    a = -(-a_real // WINDOW) * WINDOW
    first = torch.cumsum(per_token, 0) - per_token

    def padded(x):
        return torch.cat([x, x.new_zeros(a - a_real, *x.shape[1:])])

    token_mask = (rand(n) < 0.9).float() if masks else torch.ones(n)
    atom_mask = padded((rand(a_real) < 0.9).float() if masks else torch.ones(a_real))
    cyclic = torch.where(asym == 1, lengths[1].float(), 0.0)
    bonds, bond_types = torch.zeros(n, n, 1), torch.zeros(n, n, dtype=torch.long)
    for _ in range(12):
        i, j = (int(x) for x in randint(0, n, (2,)))
        bonds[i, j] = bonds[j, i] = 1
        bond_types[i, j] = bond_types[j, i] = int(randint(1, len(const.bond_types) + 1, ()))
    kinds = torch.full((n, n), int(contacts))
    thresholds = torch.zeros(n, n)
    for _ in range(9 if contacts else 0):
        i, j = (int(x) for x in randint(0, n, (2,)))
        kinds[i, j], kinds[j, i] = 2, 3
        thresholds[i, j] = thresholds[j, i] = 4 + 10 * float(rand(()))
    msa = randint(2, const.num_tokens, (n_sequences, n))
    deletions = torch.where(rand(n_sequences, n) < 0.2, randint(1, 9, (n_sequences, n)), 0)
    deletion_value = torch.pi / 2 * torch.arctan(deletions / 3)
    t = max(n_templates, 1)
    live = float(n_templates > 0)
    rotations = torch.linalg.qr(randn(t, n, 3, 3))[0] * live
    residue_type = randint(2, const.num_tokens, (n,))
    batch = {
        "token_index": torch.arange(n),
        "residue_index": residue_index,
        "asym_id": asym,
        "entity_id": column(1),
        "sym_id": column(2),
        "mol_type": mol_type,
        "res_type": one_hot(residue_type, const.num_tokens),
        "token_bonds": bonds,
        "type_bonds": bond_types,
        "token_pad_mask": token_mask,
        "contact_conditioning": one_hot(kinds, len(const.contact_conditioning_info)),
        "contact_threshold": thresholds,
        "method_feature": torch.full((n,), 3),
        "modified": (rand(n) < 0.1).long(),
        "cyclic_period": cyclic,
        "ref_pos": padded(2 * randn(a_real, 3)),
        "ref_charge": padded(randint(-1, 2, (a_real,)).float()),
        "ref_element": padded(one_hot(randint(1, 30, (a_real,)), const.num_elements)),
        "ref_atom_name_chars": padded(one_hot(randint(0, 64, (a_real, 4)), 64)),
        "atom_backbone_feat": padded(one_hot(randint(0, 17, (a_real,)), 17)),
        "ref_space_uid": padded(torch.where(ligand, start[asym], torch.arange(n))[token_of]),
        "atom_pad_mask": atom_mask,
        "atom_to_token": padded(one_hot(token_of, n)),
        "token_to_rep_atom": one_hot(first + randint(0, 1 << 20, (n,)) % per_token, a),
        "frames_idx": (first[:, None] + torch.minimum(torch.tensor([0, 1, 2]), per_token[:, None] - 1))[None],
        "msa": msa,
        "msa_paired": (rand(n_sequences, n) < 0.5).float(),
        "deletion_value": deletion_value,
        "has_deletion": deletions > 0,
        "deletion_mean": deletion_value.mean(0),
        "profile": one_hot(msa, const.num_tokens).float().mean(0),
        "msa_mask": (rand(n_sequences, n) < 0.8).long() if masks else torch.ones(n_sequences, n).long(),
        "template_restype": one_hot(randint(0, const.num_tokens, (t, n)) * int(live), const.num_tokens),
        "template_frame_rot": rotations,
        "template_frame_t": 10 * randn(t, n, 3) * live,
        "template_cb": 10 * randn(t, n, 3) * live,
        "template_ca": 10 * randn(t, n, 3) * live,
        "template_mask_cb": (rand(t, n) < 0.7).float() * live,
        "template_mask_frame": (rand(t, n) < 0.7).float() * live,
        "template_mask": (rand(t, n) < 0.7).float() * live,
        "visibility_ids": asym.expand(t, n).float() * live,
    }
    # Not Boltz's: what interface scores count, of which a residue may lack the atom.
    atom = first + randint(0, 1 << 20, (n,)) % per_token
    batch["contact_atom"] = torch.where(ligand | (rand(n) < 0.1 * masks), -1, atom)
    return {name: value[None] for name, value in batch.items()}


def _classes(dense):
    """Return the class of each one-hot row, -1 where the row is zero."""
    return torch.where(dense.sum(-1) > 0, dense.argmax(-1), -1)


def compact_of(batch):
    """Return the compact features of a dense batch."""
    b = {name: value[0] for name, value in batch.items() if isinstance(value, torch.Tensor)}
    kinds = b["contact_conditioning"].argmax(-1)
    contacts = (kinds > 1).nonzero()
    bonds = b["token_bonds"][..., 0].nonzero()
    deletions = torch.tan(b["deletion_value"].float() * 2 / torch.pi) * 3
    tokens = Tokens(
        **{k: b[k].long() for k in ("token_index", "residue_index", "asym_id", "entity_id", "sym_id")},
        mol_type=b["mol_type"].long(),
        res_type=b["res_type"].argmax(-1),
        modified=b["modified"].long(),
        method=b["method_feature"].long(),
        cyclic_period=b["cyclic_period"].float(),
        mask=b["token_pad_mask"].float(),
        profile=b["profile"].float(),
        deletion_mean=b["deletion_mean"].float(),
        rep_atom=b["token_to_rep_atom"].argmax(-1),
        frame_atoms=b["frames_idx"][0].long(),
        contact_atom=b["contact_atom"].long(),
    )
    atoms = Atoms(
        ref_pos=b["ref_pos"].float(),
        ref_charge=b["ref_charge"].float(),
        ref_element=_classes(b["ref_element"]),
        ref_chars=_classes(b["ref_atom_name_chars"]),
        backbone=_classes(b["atom_backbone_feat"]),
        ref_space_uid=b["ref_space_uid"].long(),
        token=_classes(b["atom_to_token"]),
        mask=b["atom_pad_mask"].float(),
    )
    alignment = Alignment(
        residues=b["msa"].to(torch.uint8),
        deletions=deletions.round().to(torch.int16),
        paired=b["msa_paired"].bool(),
        mask=b["msa_mask"].bool(),
    )
    templates = Templates(
        res_type=b["template_restype"].argmax(-1),
        frame_rot=b["template_frame_rot"].float(),
        frame_t=b["template_frame_t"].float(),
        cb=b["template_cb"].float(),
        ca=b["template_ca"].float(),
        mask_cb=b["template_mask_cb"].float(),
        mask_frame=b["template_mask_frame"].float(),
        mask=b["template_mask"].float(),
        visibility=b["visibility_ids"].float(),
    )
    pairs = PairFeatures(
        bonds=bonds,
        bond_types=b["type_bonds"][bonds[:, 0], bonds[:, 1]],
        contacts=contacts,
        contact_kinds=kinds[contacts[:, 0], contacts[:, 1]],
        contact_thresholds=b["contact_threshold"][contacts[:, 0], contacts[:, 1]].float(),
        other_contacts=0 if bool((kinds == 0).any()) else 1,
    )
    chains = []
    for index in b["asym_id"].unique().tolist():
        members = b["asym_id"] == index
        kind = int(b["mol_type"][members][0])
        name = {number: name for name, number in const.chain_type_ids.items()}[kind]
        entity = "ligand" if name == "NONPOLYMER" else name.lower()
        chains.append(
            {
                "chain_index": index,
                "chain_id": "ABCDEFGHIJ"[index],
                "entity_type": entity,
                "n_tokens": int(members.sum()),
            }
        )
    return Features(tokens, atoms, alignment, templates, pairs, chains)
