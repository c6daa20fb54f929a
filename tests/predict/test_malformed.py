"""Malformed inputs: each one is `bad_input` with one clear line, never a traceback, never a structure."""

import random
import string

import pytest

from foldcp.errors import InputError
from foldcp.predict.document import read
from foldcp.predict.outcomes import Outcome, classify
from foldcp.predict.targets import from_file


def _protein(**keys: object) -> str:
    body = {"id": "A", "sequence": "MKTAY", "msa": "empty"} | keys
    inside = ", ".join(f"{name}: {value}" for name, value in body.items() if value is not None)
    return f"sequences:\n  - protein: {{{inside}}}\n"


def _ligand(**keys: object) -> str:
    inside = ", ".join(f"{name}: {value}" for name, value in keys.items())
    return f"sequences:\n  - ligand: {{{inside}}}\n"


GOOD = _protein() + "  - ligand: {id: L, ccd: ZN}\n"

YAML = {
    "empty": ("", "expected 'version' and 'sequences', got nothing"),
    "a list": ("- 1\n- 2\n", "expected 'version' and 'sequences', got list"),
    "a word": ("hello\n", "got str 'hello'"),
    "unbalanced": ("sequences: [", "is not valid YAML"),
    "tabs": ("sequences:\n\t- protein: {}\n", "is not valid YAML"),
    "python object": ("!!python/object/apply:os.system ['true']", "is not valid YAML"),
    "bad date": ("sequences: 2024-13-45", "is not valid YAML"),
    "deep": ("a: " + "[" * 40 + "]" * 40, "is nested too deeply"),
    "key not text": ("1: 2\nsequences: []\n", "has the key 1, which is not text"),
    "version": ("version: 2\n" + GOOD, "version is 2; valid: 1"),
    "no sequences": ("version: 1\n", "has no 'sequences'; got: version"),
    "sequences null": ("sequences:\n", "must list at least one chain, got nothing"),
    "sequences empty": ("sequences: []\n", "must list at least one chain"),
    "sequences text": ("sequences: MKTAY\n", "must list at least one chain, got str 'MKTAY'"),
    "item text": ("sequences: [MKTAY]\n", "must list at least one chain"),
    "unknown entity": ("sequences:\n  - peptide: {id: A}\n", "valid: one of protein, dna, rna, ligand"),
    "capital entity": ("sequences:\n  - Protein: {id: A}\n", "valid: one of protein"),
    "two entities": ("sequences:\n  - {protein: {id: A}, rna: {id: B}}\n", r"is \['protein', 'rna'\]"),
    "no body": ("sequences:\n  - protein:\n", "protein 1 must have keys such as 'id', got nothing"),
    "no id": (_protein(id=None), "protein 1 has as id nothing"),
    "number id": (_protein(id=1), "protein 1 has as id int '1'; expected text such as A, in quotes"),
    "boolean id": (_protein(id="no"), "has as id bool 'False'"),
    "empty id": (_protein(id="''"), "has the id ''; expected 1 to 5 letters"),
    "long id": (_protein(id="CHAIN1"), "has the id 'CHAIN1'; expected 1 to 5 letters"),
    "id with blank": (_protein(id="'A B'"), "has the id 'A B'"),
    "empty id list": (_protein(id="[]"), "has an empty list of ids"),
    "id twice in a list": (_protein(id="[A, A]"), "chain id 'A' is used twice"),
    "id twice": (_protein() + "  - ligand: {id: A, ccd: ZN}\n", "chain id 'A' is used twice"),
    "no sequence": (_protein(sequence=None), "chain A: 'sequence' must be text, got nothing"),
    "empty sequence": (_protein(sequence="''"), "chain A: 'sequence' is empty"),
    "boolean sequence": (_protein(sequence="NO"), "'sequence' must be text, got bool"),
    "lower case": (_protein(sequence="MKtAY"), "'sequence' has 't' at position 3; expected capital"),
    "stop": (_protein(sequence="'MKTAY*'"), "has '\\*' at position 6"),
    "gap": (_protein(sequence="MK-AY"), "has '-' at position 3"),
    "blank": (_protein(sequence="'MK TAY'"), "has ' ' at position 3"),
    "digits": (_protein(sequence="M1K"), "has '1' at position 2"),
    "cyclic": (_protein(cyclic="yes please"), "'cyclic' must be true or false"),
    "no msa": (_protein(msa=None), "no alignment given. Add 'msa:'"),
    "msa zero": (_protein(msa=0), "no alignment given"),
    "msa number": (_protein(msa=3), "'msa' is 3; valid: empty, or a file"),
    "msa suffix": (_protein(msa="x.sto"), "'msa' is 'x.sto'; valid: empty, or a file that ends in .a3m"),
    "msa missing": (_protein(msa="nowhere.a3m"), "refers to 'nowhere.a3m', which is neither in"),
    "modification position": (
        _protein(modifications="[{position: 9, ccd: SEP}]"),
        "residue 9 is outside 1 to 5",
    ),
    "modification zero": (_protein(modifications="[{position: 0, ccd: SEP}]"), "residue 0 is outside"),
    "modification text": (_protein(modifications="[{position: two, ccd: SEP}]"), "residue 'two' is outside"),
    "modification code": (_protein(modifications="[{position: 2}]"), "None is no CCD code"),
    "modification list": (_protein(modifications="SEP"), "'modifications' must be a list"),
    "modification unknown": (_protein(modifications="[{position: 2, ccd: QQQQQ}]"), "no component 'QQQQQ'"),
    "same sequence": (
        _protein() + "  - protein: {id: B, sequence: MKTAY, msa: empty, cyclic: true}\n",
        "'cyclic'",
    ),
    "ligand nothing": (_ligand(id="L"), "a ligand needs either 'ccd' or 'smiles'"),
    "ligand both": (_ligand(id="L", ccd="ZN", smiles="C"), "needs either 'ccd' or 'smiles'"),
    "ligand boolean": (_ligand(id="L", ccd="NO"), "False is no CCD code"),
    "ligand lower": (_ligand(id="L", ccd="atp"), "'atp' is no CCD code"),
    "ligand path": (_ligand(id="L", ccd="../x"), "is no CCD code"),
    "ligand empty": (_ligand(id="L", ccd="[]"), "'ccd' is empty"),
    "ligand unknown": (
        _ligand(id="L", ccd="QQQQQ"),
        "no component 'QQQQQ' in the chemical component dictionary",
    ),
    "smiles empty": (_ligand(id="L", smiles="''"), "'smiles' is empty"),
    "smiles number": (_ligand(id="L", smiles="7"), "'smiles' is empty or not text"),
    "smiles ring": (_ligand(id="L", smiles="C1CC"), "'C1CC' is not a valid SMILES"),
    "smiles valence": (_ligand(id="L", smiles="C(C)(C)(C)(C)C"), "is not a valid SMILES"),
    "affinity": (GOOD + "properties:\n  - affinity: {binder: L}\n", "'affinity', which is not supported yet"),
    "properties": (GOOD + "properties: affinity\n", "'properties' must be a list"),
    "constraint kind": (
        GOOD + "constraints:\n  - glue: {}\n",
        "constraint 1 is 'glue'; valid: bond, pocket, contact",
    ),
    "constraint body": (GOOD + "constraints:\n  - bond: x\n", "constraint 1 .bond. must have keys"),
    "bond chain": (
        GOOD + "constraints:\n  - bond: {atom1: [X, 1, CA], atom2: [L, 1, ZN]}\n",
        "no chain 'X'; chains: A, L",
    ),
    "bond residue": (
        GOOD + "constraints:\n  - bond: {atom1: [A, 6, CA], atom2: [L, 1, ZN]}\n",
        "residue 6 is outside",
    ),
    "bond shape": (
        GOOD + "constraints:\n  - bond: {atom1: [A, 1], atom2: [L, 1, ZN]}\n",
        "expected .chain, residue number",
    ),
    "bond atom": (
        GOOD + "constraints:\n  - bond: {atom1: [A, 1, XX], atom2: [L, 1, ZN]}\n",
        "Boltz-2 cannot read",
    ),
    "pocket binder": (GOOD + "constraints:\n  - pocket: {binder: X, contacts: [[A, 1]]}\n", "no chain 'X'"),
    "pocket contacts": (GOOD + "constraints:\n  - pocket: {binder: L}\n", "needs a list of 'contacts'"),
    "pocket residue": (
        GOOD + "constraints:\n  - pocket: {binder: L, contacts: [[A, 60]]}\n",
        "residue 60 is outside 1 to 5",
    ),
    "pocket atom": (
        GOOD + "constraints:\n  - pocket: {binder: A, contacts: [[L, 1]]}\n",
        "L is a ligand, name one",
    ),
    "contact distance": (
        GOOD + "constraints:\n  - contact: {token1: [A, 1], token2: [A, 4], max_distance: far}\n",
        "max_distance is 'far'",
    ),
    "contact missing": (GOOD + "constraints:\n  - contact: {token1: [A, 1]}\n", "token2: expected .chain"),
    "template": (GOOD + "templates:\n  - {chain_id: A}\n", "template 1 needs 'cif' or 'pdb'"),
    "template missing": (GOOD + "templates:\n  - cif: nowhere.cif\n", "refers to 'nowhere.cif'"),
    "templates alike": (
        GOOD + "templates:\n  - cif: a/x.cif\n  - pdb: b/x.pdb\n",
        "two templates are called 'x'",
    ),
    "template text": (GOOD + "templates: x.cif\n", "'templates' must be a list"),
}

FASTA = {
    "empty": ("", "must list at least one chain"),
    "no header": ("MKTAY\n", "has text before the first '>' line"),
    "bare header": (">\nMKTAY\n", "has the header '>'; expected >CHAIN|TYPE"),
    "uniprot header": (">P12345 something\nMKTAY\n", "has the header '>P12345 something'"),
    "type": (">A|peptide\nMKTAY\n", "chain 'A' has type 'peptide'; valid: protein, dna, rna, ccd, smiles"),
    "no type": (">A|\nMKTAY\n", "chain 'A' has type ''"),
    "no chain": (">|protein|empty\nMKTAY\n", "has the id ''"),
    "no alignment": (">A|protein\nMKTAY\n", "no alignment given"),
    "alignment of rna": (">A|rna|x.a3m\nGCA\n", "only proteins take one"),
    "no residues": (">A|protein|empty\n>B|rna\nGCA\n", "chain A: 'sequence' is empty"),
    "lower case": (">A|protein|empty\nmktay\n", "has 'm' at position 1"),
    "two ids": (">A|rna\nGCA\n>A|rna\nGCA\n", "chain id 'A' is used twice"),
    "fields": (">A|protein|empty|x\nMKTAY\n", "expected >CHAIN|TYPE"),
    "code": (">A|ccd\nATP ZN\n", "is no CCD code"),
    "smiles": (">A|smiles\nC1CC\n", "is not a valid SMILES"),
}

ALIGNMENTS = {
    "empty.a3m": ("", "empty.a3m, line 1: the file holds no FASTA record"),
    "short.a3m": (">q\nMKT\n", "short.a3m, line 1: the first row .3 columns. is not the .*5 residues"),
    "ragged.a3m": (">q\nMKTAY\n>h\nMKTA\n", "ragged.a3m, line 3: the row below has 4 columns"),
    "letters.a3m": (">q\nMKTAY\n>h\nMK?AY\n", "letters.a3m, line 3: the row below has '\\?'"),
    "dots.a3m": (">q\nMKTAY\n>h\nMK.AYTT\n", "dots.a3m, line 3: the row below has 6 columns"),
    "columns.csv": (
        "id,sequence\n1,MKTAY\n",
        "columns.csv, line 1: the columns are 'id', 'sequence'; valid: key",
    ),
    "binary.csv": ("\x00\x01", "binary.csv, line 1: the columns are"),
    "headless.csv": ("MKTAY\n", "headless.csv, line 1: the columns are 'MKTAY'"),
    "rows.csv": ("key,sequence\n1,MKTAY\n2,\n", "rows.csv, line 3: the row has 0 columns"),
    "none.csv": ("key,sequence\n", "none.csv, line 1: no row follows"),
    "short.csv": ("key,sequence\n,MKT\n", "short.csv, line 2: the first row .3 columns. is not"),
    "keys.csv": (
        "key,sequence\n,MKTAY\nyeast,MKT--\n",
        "keys.csv, line 3: the key 'yeast' is no whole number",
    ),
    "large.csv": ("key,sequence\n,MKTAY\n2147483648,MKT--\n", "large.csv, line 3: the key '2147483648'"),
}

CASES = [
    *((f"{name.replace(' ', '_')}.yaml", text, reason) for name, (text, reason) in YAML.items()),
    *((f"{name.replace(' ', '_')}.fasta", text, reason) for name, (text, reason) in FASTA.items()),
    *((name, text, reason) for name, (text, reason) in ALIGNMENTS.items()),
]


@pytest.mark.parametrize(("name", "text", "reason"), CASES, ids=[case[0] for case in CASES])
def test_bad_input_has_a_clear_reason(session, write, tmp_path, capfd, name, text, reason):
    path = write(name, text)
    if path.suffix in (".a3m", ".csv"):
        path = write("input.yaml", _protein(msa=name))
    with pytest.raises(InputError, match=reason) as caught:
        session.predict(from_file(path), tmp_path / "out")
    outcome, message = classify(caught.value)
    assert outcome is Outcome.BAD_INPUT
    assert "\n" not in message
    assert len(message) <= 400
    assert not (tmp_path / "out").exists()
    printed = capfd.readouterr()
    assert "Traceback" not in printed.err + printed.out


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.yaml", b"\xff\xfe\x00binary", "is not a text file"),
        ("x.fasta", b"\x80\x81", "is not a text file"),
        ("x.pdb", b"ATOM", "has the suffix '.pdb'"),
        ("x", b"", "has no suffix"),
    ],
)
def test_files_of_another_kind(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read(tmp_path / name)


def test_a_folder_is_no_input(tmp_path):
    (tmp_path / "x.yaml").mkdir()
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read(tmp_path / "x.yaml")


def _mutated(text: str, generator: random.Random) -> str:
    characters = list(text)
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(len(characters))
        action = generator.choice(["drop", "change", "double", "cut"])
        if action == "drop":
            characters[place] = ""
        elif action == "change":
            characters[place] = generator.choice(string.printable)
        elif action == "double":
            characters[place] *= 2
        else:
            del characters[max(place, 1) :]
    return "".join(characters)


@pytest.mark.parametrize("name", ["x.yaml", "x.fasta"])
def test_200_random_mutations_read_or_say_why_not(write, name):
    # Either the input is still one that Boltz can take, or there is a reason; nothing else may come out.
    good = {"x.yaml": GOOD + "constraints:\n  - pocket: {binder: L, contacts: [[A, 2]]}\n"}
    good["x.fasta"] = ">A|protein|empty\nMKTAY\n>B|ccd\nATP\n>C|smiles\nCCO\n"
    generator = random.Random(3)
    refused = 0
    for _ in range(200):
        path = write(name, _mutated(good[name], generator))
        try:
            assert len(read(path).key()) == 64
        except InputError as error:
            refused += 1
            assert path.name in str(error)
            assert "\n" not in classify(error)[1]
    assert 50 < refused < 200
