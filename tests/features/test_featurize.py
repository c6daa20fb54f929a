"""Compact features against those of Boltz's own featurizer, entry by entry."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from boltz.data.types import MSA, MSADeletion, MSAResidue, MSASequence
from features.complexes import INPUTS, write
from features.upstream import RECORDS, arguments, dense_batch, differences
from model.cases import compact_of
from rdkit import Chem

from foldcp.errors import InputError
from foldcp.features.featurize import featurize

SEED = 2**61 + 12345


def both(inputs, seed=SEED):
    """Return our features and Boltz's. Ours first: Boltz writes into the alignments."""
    return featurize(*inputs, seed, "boltz"), compact_of(dense_batch(*inputs, seed))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, demo_cache):
    """Return the arguments of `featurize` for an input by its name."""
    return lambda name, extra="": arguments(write(name, tmp_path_factory.mktemp("input"), extra), demo_cache)


@pytest.fixture(scope="module")
def mixed(inputs):
    return both(inputs("mixed"))


@pytest.mark.parametrize("name", INPUTS)
def test_features_equal_boltz(inputs, name):
    ours, boltz = both(inputs(name))
    assert differences(ours, boltz) == []


def test_features_of_a_structure_with_coordinates_and_missing_atoms(inputs):
    # A parsed sequence has all atoms, at the origin; the featurizer must still read what is there.
    parsed, *others = inputs("mixed")
    random = np.random.default_rng(3)
    structure = parsed.structure
    structure.coords["coords"] = random.normal(size=(len(structure.atoms), 3))
    structure.atoms["is_present"] = random.random(len(structure.atoms)) < 0.6
    residue = structure.residues[3]
    structure.atoms["is_present"][residue["atom_idx"] : residue["atom_idx"] + residue["atom_num"]] = False
    assert differences(*both((parsed, *others))) == []


def test_a_chain_that_boltz_masks_is_left_out(inputs):
    parsed, *others = inputs("mixed")
    parsed.structure.mask[2] = False
    ours, boltz = both((parsed, *others))
    assert differences(ours, boltz) == []
    assert 2 not in ours.tokens.asym_id


def test_one_of_several_conformers_is_drawn(inputs):
    parsed, folder, canonicals = inputs("single chain")
    for name in ("LYS", "GLN"):
        canonicals[name] = molecule = Chem.Mol(canonicals[name])
        for shift in (1.0, 2.0):
            conformer = Chem.Conformer(molecule.GetConformer(0))
            conformer.SetPositions(conformer.GetPositions()[::-1] * shift)
            molecule.AddConformer(conformer, assignId=True)
    assert differences(*both((parsed, folder, canonicals))) == []


@pytest.mark.parametrize("depths", [(9000, 8300, 5), (20000, 40, 17000), (7, 12, 1)])
def test_alignments_of_any_depth_pair_alike(inputs, depths):
    # Boltz stops at 8 192 paired rows and 16 384 rows in all.
    parsed, *others = inputs("templates")
    random = np.random.default_rng(sum(depths))
    msa = {
        number: _random_alignment(parsed, number, depth, random)
        for number, depth in zip((0, 1, 3), depths, strict=True)
    }
    ours, boltz = both((replace(parsed, msa=msa), *others))
    assert differences(ours, boltz) == []
    assert ours.alignment.paired[1:].any()


@pytest.mark.parametrize("rows", [1, 3, 64, 150, 10_000])
def test_the_first_rows_of_an_alignment_are_those_that_boltz_keeps(inputs, rows):
    parsed, *others = inputs("templates")
    random = np.random.default_rng(rows)
    msa = {n: _random_alignment(parsed, n, depth, random) for n, depth in ((0, 90), (1, 200), (3, 40))}
    parsed = replace(parsed, msa=msa)
    ours = featurize(parsed, *others, SEED, "boltz", rows)
    assert differences(ours, compact_of(dense_batch(parsed, *others, SEED, rows))) == []
    whole = featurize(parsed, *others, SEED, "boltz")
    assert ours.n_sequences == min(rows, whole.n_sequences)
    for field in fields(whole.alignment):
        assert getattr(whole.alignment, field.name)[:rows].equal(getattr(ours.alignment, field.name))
    # Column statistics are of the rows that are read.
    cut = rows < whole.n_sequences
    assert ours.tokens.profile.equal(whole.tokens.profile) != cut
    counts = torch.stack([(ours.alignment.residues == kind).sum(0) for kind in range(33)], 1)
    assert torch.allclose(ours.tokens.profile, counts / ours.n_sequences)
    assert 1 < whole.paired_depth < whole.n_sequences
    assert ours.paired_depth == min(rows, whole.paired_depth)


def test_paired_rows_have_two_chains_of_a_species(inputs):
    parsed, *others = inputs("templates")
    msa = {n: _random_alignment(parsed, n, 6, np.random.default_rng(n)) for n in (0, 1, 3)}
    for number, species in ((0, [-1, 5, 6, 7, 8, 9]), (1, [-1, 6, 5, -1, -1, 4]), (3, [-1, 5, 4, 1, 1, -1])):
        msa[number].sequences["taxonomy"] = species
    # 5 is in three chains, 6 and 4 in two; the two rows of species 1 are of one chain.
    ours = featurize(replace(parsed, msa=msa), *others, SEED)
    assert ours.paired_depth == 4
    assert featurize(replace(parsed, msa=msa), *others, SEED, msa_rows=3).paired_depth == 3
    assert featurize(*inputs("single chain"), SEED).paired_depth == 1


def _random_alignment(parsed, number, depth, random):
    chain = parsed.structure.chains[number]
    width = chain["res_num"]
    query = parsed.structure.residues["res_type"][chain["res_idx"] : chain["res_idx"] + width]
    residues = random.integers(2, 22, (depth, width))
    residues[0] = query
    sequences = np.zeros(depth, MSASequence)
    sequences["seq_idx"] = np.arange(depth)
    sequences["taxonomy"] = random.integers(-1, depth, depth)
    sequences["res_start"] = np.arange(depth) * width
    sequences["res_end"] = sequences["res_start"] + width
    return MSA(sequences, np.zeros(0, MSADeletion), residues.reshape(-1).astype(MSAResidue))


def test_an_alignment_of_another_sequence_is_left_out(inputs, caplog):
    parsed, *others = inputs("homo-oligomer")
    parsed.msa[1] = _random_alignment(parsed, 1, 4, np.random.default_rng(0))
    parsed.msa[1].residues["res_type"][2] = 5
    assert differences(*both((parsed, *others))) == []
    assert "chain B" in caplog.text


def test_deletions_of_the_query_survive_in_boltz(inputs):
    # Those of all other rows are lost in Boltz, so that only these show that deletions are placed at all.
    ours, boltz = both(inputs("alignments"))
    assert ours.alignment.deletions.max() == 2
    assert boltz.alignment.deletions.max() == 2
    assert ours.tokens.deletion_mean.count_nonzero() == 1


def test_deletions_of_every_row_are_kept(inputs):
    parsed, *others = inputs("templates")
    random = np.random.default_rng(3)
    alignments = {
        number: _random_alignment(parsed, number, depth, random) for number, depth in ((0, 9), (1, 40))
    }
    with_deletions = {number: _add_deletions(msa, random) for number, msa in alignments.items()}
    ours = featurize(replace(parsed, msa=with_deletions), *others, SEED)
    tokens, alignment = ours.tokens, ours.alignment
    seen = 0
    for chain, msa in with_deletions.items():
        columns = np.flatnonzero(tokens.asym_id == chain)
        # A row of the complex is known by its residues: random, so no two rows of a chain are equal.
        content = {
            tuple(msa.residues["res_type"][row["res_start"] : row["res_end"]].tolist()): row
            for row in msa.sequences
        }
        for residues, deletions in zip(
            alignment.residues[:, columns].tolist(), alignment.deletions[:, columns].tolist(), strict=True
        ):
            row = content.get(tuple(residues))
            there = {} if row is None else dict(msa.deletions[row["del_start"] : row["del_end"]].tolist())
            assert deletions == [there.get(residue, 0) for residue in range(len(columns))]
            seen += len(there)
    assert seen > 100


def _add_deletions(msa, random):
    """Return the alignment with one to three deletions in about half of its rows."""
    sequences, deletions = msa.sequences.copy(), []
    for row in sequences:
        width = row["res_end"] - row["res_start"]
        number = random.integers(0, 2) * random.integers(1, 4)
        row["del_start"] = len(deletions)
        places = sorted(random.choice(width, number, replace=False).tolist())
        deletions += [(place, int(random.integers(1, 9))) for place in places]
        row["del_end"] = len(deletions)
    return MSA(sequences, np.array(deletions, MSADeletion), msa.residues)


def test_a_cyclic_chain_has_a_period(inputs):
    # Of the chains that a bond closes, Boltz sees the first one only.
    ours, _ = both(inputs("cyclic"))
    period = {
        chain: float(ours.tokens.cyclic_period[ours.tokens.asym_id == chain].max()) for chain in (0, 1, 2)
    }
    assert period == {0: 15.0, 1: 0.0, 2: 11.0}


def test_inputs_hold_what_they_are_named_for(inputs, mixed):
    ours, _ = mixed
    assert ours.tokens.modified.sum() == 2
    assert ours.alignment.paired[1:].any()
    templates = featurize(*inputs("templates"), SEED).templates
    assert len(templates.mask) == 2
    assert (templates.mask_frame.sum(1) > 5).all()
    assert featurize(*inputs("conditions"), SEED).pairs.contact_kinds.unique().tolist() == [2, 3, 4]
    assert featurize(*inputs("single chain"), SEED).pairs.other_contacts == 0


def test_chains_are_named_in_token_order(mixed):
    ours, _ = mixed
    names = [(chain["chain_index"], chain["chain_id"], chain["entity_type"]) for chain in ours.chains]
    kinds = ["protein", "protein", "rna", "dna", *["ligand"] * 4]
    assert names == [(i, name, kind) for i, (name, kind) in enumerate(zip("ABRDLSYZ", kinds, strict=True))]
    counts = ours.tokens.asym_id.bincount().tolist()
    assert [chain["n_tokens"] for chain in ours.chains] == counts
    assert sum(counts) == ours.n_tokens


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("pocket", "constraints:\n  - pocket: {binder: C, contacts: [[A, 2]], force: true}"),
        ("contact", "constraints:\n  - contact: {token1: [C, 1], token2: [A, 2], force: true}"),
        ("template", "    force: true\n    threshold: 2.0"),
    ],
)
def test_steering_is_refused(inputs, name, body):
    with pytest.raises(InputError, match=f"on a {name}, but steering .* remove 'force'"):
        featurize(*inputs("templates", f"\n{body}"), SEED)


def test_a_name_without_characters_in_the_model_is_refused(inputs):
    parsed, folder, canonicals = inputs("single chain")
    parsed.structure.atoms["name"][0] = "n"
    canonicals["MET"] = molecule = Chem.Mol(canonicals["MET"])
    molecule.GetAtomWithIdx(0).SetProp("name", "n")
    with pytest.raises(InputError, match="atom 'n' of MET"):
        featurize(parsed, folder, canonicals, SEED)


def test_featurizing_leaves_the_global_generators_alone(inputs):
    torch.manual_seed(1)
    featurize(*inputs("single chain"), SEED)
    assert torch.equal(torch.rand(3), torch.rand(3, generator=torch.Generator().manual_seed(1)))


def test_the_seed_turns_the_reference_conformers(inputs):
    arguments = inputs("single chain")
    assert differences(featurize(*arguments, 1), featurize(*arguments, 2)) == ["atoms.ref_pos"]


def test_the_comparison_sees_each_feature(mixed):
    ours, boltz = mixed
    for record in RECORDS:
        for field in fields(getattr(ours, record)):
            assert differences(_changed(ours, record, field.name), boltz) == [f"{record}.{field.name}"]


def _changed(features, record, name):
    values = getattr(features, record)
    value = getattr(values, name)
    if isinstance(value, torch.Tensor):
        changed = value.clone()
        place = changed.view(-1)[-1:]
        place.copy_(~place if place.dtype == torch.bool else place + 1)
    else:
        changed = value + 1
    return replace(features, **{record: replace(values, **{name: changed})})
