"""From one parsed input to its compact features.

Boltz's data set answers a failure with the features of *another* record, so that a complex can get the
structure of a different one. Here one input goes in, and its own features or an error come out.
"""

from pathlib import Path
from typing import Any

from boltz.data import const
from boltz.data.mol import load_molecules
from boltz.data.tokenize.boltz2 import Boltz2Tokenizer

from foldcp.errors import InputError
from foldcp.features.alignment import pair_alignments
from foldcp.features.atom_rows import AtomRows
from foldcp.features.atoms import atom_features
from foldcp.features.boltz import boltz_at_work
from foldcp.features.compact import Features
from foldcp.features.pairs import pair_features
from foldcp.features.templates import template_features
from foldcp.features.tokens import token_features


def featurize(
    parsed: Any,
    molecules: Path,
    canonicals: dict[str, Any],
    seed: int,
    deletions_as: str = "kept",
    msa_rows: int | None = None,
) -> Features:
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
    deletions_as
        `kept`, or `boltz` for parity (`foldcp.features.alignment.pair_alignments`).
    msa_rows
        Most rows of the alignment that are read, its first; None reads all that Boltz stacks. The column
        statistics are those of the rows that are read.

    Raises
    ------
    InputError
        If Boltz cannot featurize the input, or the input asks for steering potentials.
    """
    _refuse_forces(parsed.record)
    with boltz_at_work("featurize this input"):
        tokenized = Boltz2Tokenizer().tokenize(parsed)
        known = {**canonicals, **parsed.extra_mols}
        names = set(tokenized.tokens["res_name"].tolist()) - set(known)
        known |= load_molecules(molecules, sorted(names))
        rows = AtomRows.of(tokenized.tokens)
        alignment = pair_alignments(tokenized, deletions_as, msa_rows)
        return Features(
            tokens=token_features(tokenized, rows, alignment),
            atoms=atom_features(tokenized, known, rows, seed),
            alignment=alignment,
            templates=template_features(tokenized),
            pairs=pair_features(tokenized),
            chains=_chains(parsed.record, tokenized.tokens["asym_id"]),
        )


def _refuse_forces(record: Any) -> None:
    options = record.inference_options
    forced = {
        "pocket": any(force for *_, force in options.pocket_constraints or []),
        "contact": any(force for *_, force in options.contact_constraints or []),
        "template": any(template.force for template in record.templates or []),
    }
    if kinds := [kind for kind, asked in forced.items() if asked]:
        raise InputError(
            f"has 'force: true' on a {' and a '.join(kinds)}, but steering potentials are not supported on a "
            "mesh yet; remove 'force', and the model still reads the condition as a feature"
        )


def _chains(record: Any, token_chains: Any) -> list[dict[str, Any]]:
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
