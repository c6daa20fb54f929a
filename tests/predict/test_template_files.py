"""What of a template file reaches Boltz: its proteins, which make the same features as the whole file."""

import gzip
import re

import gemmi
import pytest
from features.complexes import OTHER, PROTEIN, write_template
from features.upstream import differences

from foldcp.demo import molecules as demo
from foldcp.errors import InputError
from foldcp.predict.document import read
from foldcp.predict.inputs import component_codes
from foldcp.predict.outcomes import Outcome, classify
from foldcp.predict.template_files import TemplateFile

INPUT = f"""
sequences:
  - protein: {{id: A, sequence: {PROTEIN}, msa: empty}}
  - protein: {{id: C, sequence: {OTHER}, msa: empty}}
templates:
  - cif: NAME
"""


def add_molecules(path, *codes):
    """Add a molecule of one or two atoms per code to chain A of an mmCIF file, the first bonded to it."""
    structure = gemmi.read_structure(str(path))
    for number, code in enumerate(codes):
        residue = gemmi.Residue()
        residue.name, residue.seqid, residue.subchain = code, gemmi.SeqId(str(900 + number)), f"L{number}"
        residue.entity_type, residue.het_flag = gemmi.EntityType.NonPolymer, "H"
        for name, element in {"ZN": (("ZN", "Zn"),)}.get(code, (("C1", "C"), ("C2", "C"))):
            atom = gemmi.Atom()
            atom.name, atom.element, atom.pos = name, gemmi.Element(element), gemmi.Position(number, 1, 2)
            residue.add_atom(atom)
        structure[0]["A"].add_residue(residue)
    bond = gemmi.Connection()
    bond.type, bond.name = gemmi.ConnectionType.Covale, "covale1"
    model = structure[0]
    ends = [("A", model["A"][0], "CA"), ("A", model["A"][-len(codes)], "C1")]
    bond.partner1, bond.partner2 = (
        gemmi.AtomAddress(chain, residue.seqid, residue.name, atom) for chain, residue, atom in ends
    )
    structure.connections.append(bond)
    structure.ensure_entities()
    structure.make_mmcif_document().write_file(str(path))


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "pair.cif"
    write_template(path, [PROTEIN[2:], OTHER], seed=0)
    return path


@pytest.fixture
def features(write, session):
    """Return the features of the two proteins with a template."""
    from foldcp.predict.seeds import Seeds

    def features(name):
        document = read(write("c.yaml", INPUT.replace("NAME", name)))
        return session.preparation.prepare(document, "c", Seeds("c", 7, "k")).features

    return features


def as_boltz_reads_it(path, cache):
    """Return the features of an input that Boltz parsed from the user's own files."""
    from boltz.data.mol import load_canonicals
    from boltz.data.parse.schema import parse_boltz_schema
    from boltz.data.types import Input

    from foldcp.features.featurize import featurize
    from foldcp.predict.seeds import Seeds

    document = read(path)
    folder = demo.build(cache, ["ATP", "ZN"])
    canonicals = load_canonicals(folder)
    target = parse_boltz_schema("c", document.schema, dict(canonicals), folder, True)
    assert len(target.templates["pair"].chains) == 4  # the molecules too
    parsed = Input(
        target.structure,
        {},
        target.record,
        residue_constraints=target.residue_constraints,
        templates=target.templates,
        extra_mols=target.extra_mols,
    )
    return featurize(parsed, folder, canonicals, Seeds("c", 7, "k").features)


@pytest.mark.model
def test_features_are_those_of_the_whole_file_bit_for_bit(template, features, demo_cache):
    add_molecules(template, "ATP", "ZN")
    ours = features("pair.cif")
    assert ours.templates.mask.sum() > 20
    assert differences(ours, as_boltz_reads_it(template.parent / "c.yaml", demo_cache)) == []
    write_template(template, [PROTEIN[2:], OTHER], seed=1)
    assert differences(ours, features("pair.cif")) != []


@pytest.mark.model
@pytest.mark.parametrize("code", ["QQQQQ", "UNL", "UNX"])
def test_a_molecule_that_no_dictionary_holds_does_not_matter(template, features, code):
    plain = features("pair.cif")
    add_molecules(template, code)
    assert code in template.read_text()
    assert differences(features("pair.cif"), plain) == []


@pytest.mark.model
def test_a_packed_file_is_the_same(template, features):
    plain = features("pair.cif")
    (template.parent / "packed.cif.gz").write_bytes(gzip.compress(template.read_bytes()))
    assert differences(features("packed.cif.gz"), plain) == []


@pytest.mark.model
def test_a_modified_residue_is_needed_even_where_it_is_not_resolved(template, features, write):
    # The fourth residue of each chain has no atoms.
    text = template.read_text()
    template.write_text(text.replace("\nA 4 ILE\n", "\nA 4 M3L\n"))
    document = read(write("c.yaml", INPUT.replace("NAME", "pair.cif")))
    assert "M3L" in component_codes(document) and "M3L" not in text
    assert features("pair.cif").templates.mask.any()


def test_a_real_prediction_is_a_template(shared_data, tmp_path):
    found = TemplateFile.read(shared_data / "predictions" / "af3server_5b8c" / "fold_5b8c_model_0.cif")
    assert found.proteins == {"A": "A", "B": "B", "C": "C"}
    assert found.codes <= set(demo.STANDARD)
    found.write_proteins(tmp_path / "x.cif")
    again = TemplateFile.read(tmp_path / "x.cif")
    assert (again.proteins, again.codes) == (found.proteins, found.codes)


OTHERS = {
    "tags in other case": lambda text: re.sub(
        r"^_(atom_site|struct_conn)\.", lambda tag: f"_{tag[1].upper()}.", text, flags=re.MULTILINE
    ).replace(".label_asym_id", ".Label_Asym_ID"),
    "a comment in Latin-1": lambda text: ("# Müller\n" + text).encode("latin-1"),
    "a byte order mark": lambda text: ("\ufeff" + text).encode(),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_spellings_are_the_same_template(template, tmp_path, name):
    add_molecules(template, "ATP")
    plain = TemplateFile.read(template)
    text = OTHERS[name](template.read_text())
    (tmp_path / "other.cif").write_bytes(text if isinstance(text, bytes) else text.encode())
    other = TemplateFile.read(tmp_path / "other.cif")
    assert (other.proteins, other.sequences) == (plain.proteins, {"A": PROTEIN[2:], "B": OTHER})
    for number, file in enumerate((plain, other)):
        file.write_proteins(tmp_path / f"{number}.cif")
    texts = [(tmp_path / f"{number}.cif").read_text() for number in range(2)]
    assert texts[0].lower() == texts[1].lower()
    assert "_struct_conn." not in texts[0] and "ATP" not in texts[0].partition("_atom_site")[2]


@pytest.mark.model
@pytest.mark.parametrize("name", OTHERS)
def test_other_spellings_make_the_same_features(template, features, name):
    plain = features("pair.cif")
    text = OTHERS[name](template.read_text())
    (template.parent / "other.cif").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert differences(features("other.cif"), plain) == []


def test_a_single_atom_may_be_written_as_pairs(template, tmp_path):
    document = gemmi.cif.read(str(template))
    atoms = document[0].find_mmcif_category("_atom_site.")
    values = dict(zip(atoms.tags, atoms[0], strict=True))
    atoms.erase()
    for tag, value in values.items():
        document[0].set_pair(tag, value)
    document.write_file(str(template))
    TemplateFile.read(template).write_proteins(tmp_path / "x.cif")
    (chain,) = gemmi.read_structure(str(tmp_path / "x.cif"))[0]
    assert (chain.name, [[atom.name for atom in residue] for residue in chain]) == ("A", [["N"]])


def test_letters_of_modified_and_unknown_residues(template):
    text = template.read_text()
    template.write_text(text.replace("\nA 4 ILE\n", "\nA 4 MSE\n").replace("\nA 5 ALA\n", "\nA 5 QQQQQ\n"))
    assert TemplateFile.read(template).sequences["A"] == "TAYMXKQRQ"


def test_molecules_are_no_chains(template):
    add_molecules(template, "ATP")
    assert TemplateFile.read(template).proteins == {"A": "A", "B": "B"}


def test_a_template_that_is_none_is_bad_input(write):
    write("x.cif", "HEADER\n")
    document = read(write("c.yaml", INPUT.replace("NAME", "x.cif")))
    with pytest.raises(InputError, match=r"^template x\.cif: is no mmCIF file") as error:
        component_codes(document)
    assert classify(error.value)[0] is Outcome.BAD_INPUT
