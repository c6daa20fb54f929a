"""Inputs that have, between them, everything that Boltz-2 reads; and the files they name."""

import gemmi
import numpy as np

PROTEIN = "MKTAYIAKQRQ"
OTHER = "GSHCDWLNPEFVTRK"
COPIES = f"""
  - protein: {{id: [A, B], sequence: {PROTEIN}, msa: pair.csv, modifications: [{{position: 3, ccd: TPO}}]}}"""
ALONE = f"""
  - protein: {{id: A, sequence: {PROTEIN}, msa: empty}}"""
SECOND = f"""
  - protein: {{id: C, sequence: {OTHER}, msa: empty}}"""

INPUTS = {
    "mixed": COPIES
    + """
  - rna: {id: R, sequence: GCAU}
  - dna: {id: D, sequence: GCAT}
  - ligand: {id: L, ccd: ATP}
  - ligand: {id: S, smiles: "CC(=O)Oc1ccccc1C(=O)O"}
  - ligand: {id: [Y, Z], ccd: ZN}
constraints:
  - pocket: {binder: L, contacts: [[A, 2], [B, 3]]}
  - bond: {atom1: [A, 1, SD], atom2: [Z, 1, ZN]}""",
    "single chain": ALONE,
    "homo-oligomer": f"""
  - protein: {{id: [A, B, C], sequence: {PROTEIN}, msa: deep.a3m}}""",
    "alignments": f"""
  - protein: {{id: [A, B], sequence: {PROTEIN}, msa: pair.csv}}
  - protein: {{id: C, sequence: {OTHER}, msa: other.csv}}
  - protein: {{id: D, sequence: {PROTEIN[::-1]}, msa: back.a3m}}
  - protein: {{id: E, sequence: {PROTEIN[:5]}, msa: empty}}
  - rna: {{id: R, sequence: GCAU}}""",
    "modified nucleotides": """
  - rna: {id: R, sequence: GCAUG, modifications: [{position: 2, ccd: 5MC}, {position: 4, ccd: PSU}]}
  - dna: {id: D, sequence: GCATN, modifications: [{position: 2, ccd: 5CM}]}""",
    "selenomethionine": f"""
  - protein: {{id: A, sequence: {PROTEIN}, msa: seleno.a3m, modifications: [{{position: 1, ccd: MSE}}]}}""",
    "cyclic": f"""
  - protein: {{id: [C, D], sequence: {OTHER}, msa: empty}}
  - protein: {{id: A, sequence: {PROTEIN}, msa: empty, cyclic: true}}
constraints:
  - bond: {{atom1: [C, {len(OTHER)}, C], atom2: [C, 1, N]}}
  - bond: {{atom1: [D, {len(OTHER)}, C], atom2: [D, 1, N]}}""",
    "closed dipeptide": """
  - protein: {id: A, sequence: CC, msa: empty}
constraints:
  - bond: {atom1: [A, 1, SG], atom2: [A, 2, SG]}""",
    "cross-link": SECOND
    + """
constraints:
  - bond: {atom1: [C, 1, N], atom2: [C, 4, SG]}""",
    "conditions": ALONE
    + SECOND
    + """
  - ligand: {id: L, ccd: ATP}
constraints:
  - pocket: {binder: L, contacts: [[A, 2], [C, 3]], max_distance: 7.5}
  - pocket: {binder: A, contacts: [[L, PG], [A, 4], [A, 2], [C, 9]]}
  - contact: {token1: [A, 2], token2: [L, PG], max_distance: 4.5}
  - contact: {token1: [C, 1], token2: [C, 15]}
  - pocket: {binder: C, contacts: [[A, 2]], max_distance: 9}""",
    "covalent ligand": SECOND
    + """
  - ligand: {id: L, ccd: ATP}
constraints:
  - bond: {atom1: [C, 4, SG], atom2: [L, 1, C8]}
  - bond: {atom1: [L, 1, O1G], atom2: [L, 1, PG]}""",
    "glycan": SECOND
    + """
  - ligand: {id: G, ccd: [NAG, NAG, BMA]}
constraints:
  - bond: {atom1: [C, 8, ND2], atom2: [G, 1, C1]}
  - bond: {atom1: [G, 1, O4], atom2: [G, 2, C1]}
  - bond: {atom1: [G, 2, O4], atom2: [G, 3, C1]}""",
    "ions": """
  - ligand: {id: [A, B], ccd: ZN}
  - ligand: {id: C, ccd: MG}
  - ligand: {id: D, ccd: CL}""",
    "templates": ALONE
    + SECOND
    + """
  - protein: {id: [E, F], sequence: GSHMWYQNDE, msa: empty}
templates:
  - cif: dimer.cif
  - cif: copy.cif
    chain_id: [A, E]
    template_id: [A, B]""",
}
FILES = {
    "pair.csv": f"key,sequence\n1,{PROTEIN}\n2,MKTAYIAKQaRH\n,MKTA-IAKQRQ\n3,MKTAYIA---H\n3,MKTAWIAKQRQ\n",
    "other.csv": f"key,sequence\n,{'gs' + OTHER}\n3,GSHCDWLNPEFVTRH\n1,GSHCDWLN-EFVTRH\n4,GSHaCDWLN-EFVTRW\n",
    "deep.a3m": f">q\n{PROTEIN}\n"
    + "".join(f">{n}\nMKTAYIaaA{aa}QRQ\n" for n, aa in enumerate("ARNDCEGHILKM")),
    "back.a3m": f">q\n{PROTEIN[::-1]}\n>1\nQRQKAIY---M\n",
    "seleno.a3m": f">q\nX{PROTEIN[1:]}\n>1\nMKT---AKQRQ\n",
}


def write(name, folder, extra=""):
    """Write an input with all files, and return its path."""
    for file, text in FILES.items():
        (folder / file).write_text(text)
    write_template(folder / "dimer.cif", [PROTEIN[2:], OTHER], seed=0)
    write_template(folder / "copy.cif", [PROTEIN[:-1], "GSHMWYQNDE"], seed=1)
    path = folder / f"{name.replace(' ', '_')}.yaml"
    path.write_text(f"version: 1\nsequences:{INPUTS[name]}{extra}\n")
    return path


def write_template(path, sequences, seed):
    """Write an mmCIF file of chains A, B, … with random coordinates and one residue of each unresolved."""
    random = np.random.default_rng(seed)
    structure, model = gemmi.Structure(), gemmi.Model("1")
    for letter, sequence in zip("ABC", sequences, strict=False):
        chain = gemmi.Chain(letter)
        names = gemmi.expand_one_letter_sequence(sequence, gemmi.ResidueKind.AA)
        for number, name in enumerate(names, 1):
            if number != 4:
                chain.add_residue(_residue(letter, name, number, random))
        model.add_chain(chain)
    structure.add_model(model)
    structure.setup_entities()
    for entity, sequence in zip(structure.entities, sequences, strict=True):
        entity.full_sequence = gemmi.expand_one_letter_sequence(sequence, gemmi.ResidueKind.AA)
    structure.assign_label_seq_id()
    structure.make_mmcif_document().write_file(str(path))


def _residue(chain, name, number, random):
    residue = gemmi.Residue()
    residue.name, residue.seqid, residue.subchain = name, gemmi.SeqId(str(number)), chain
    for atom_name in ("N", "CA", "C", "O", "CB")[: 4 if name == "GLY" else 5]:
        atom = gemmi.Atom()
        atom.name, atom.element = atom_name, gemmi.Element(atom_name[0])
        atom.pos = gemmi.Position(*(3.8 * number + random.normal(size=3)))
        residue.add_atom(atom)
    return residue
