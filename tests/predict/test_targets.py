import pytest

from foldcp.errors import InputError, UsageError
from foldcp.predict.document import read
from foldcp.predict.targets import find, from_file

YAML = "sequences:\n  - protein: {{id: A, sequence: {sequence}, msa: {msa}}}\n"


def test_ids_are_safe_file_names_and_tell_files_apart(write):
    paths = [
        write(f"in/{name}.yaml", YAML.format(sequence="MKT", msa="empty")) for name in ("x y", "x(y", "x")
    ]
    first, second, safe = (from_file(path).id for path in find(paths))
    assert first.startswith("x-y-") and second.startswith("x-y-") and first != second
    assert safe == "x"


def test_key_depends_on_content_not_on_paths(write):
    first = write("a/one.yaml", YAML.format(sequence="MKT", msa="one.a3m"))
    write("a/one.a3m", ">q\nMKT\n")
    second = write("b/two.yaml", "# a remark\n" + YAML.format(sequence="MKT", msa="sub/two.a3m"))
    write("b/sub/two.a3m", ">q\nMKT\n")
    assert from_file(first).input_key == from_file(second).input_key


def test_key_changes_with_sequence_and_with_alignment(write):
    path = write("x.yaml", YAML.format(sequence="MKT", msa="x.a3m"))
    write("x.a3m", ">q\nMKT\n")
    keys = [from_file(path).input_key]
    write("x.a3m", ">q\nMKT\n>h\nMKA\n")
    keys.append(from_file(path).input_key)
    write("x.yaml", YAML.format(sequence="MKA", msa="x.a3m"))
    keys.append(from_file(path).input_key)
    assert len(set(keys)) == 3


def test_alignment_is_found_from_the_working_directory_first_as_boltz_does(write, tmp_path, monkeypatch):
    path = write("in/x.yaml", YAML.format(sequence="MKT", msa="x.a3m"))
    beside = write("in/x.a3m", ">q\nMKT\n")
    monkeypatch.chdir(tmp_path)
    assert read(path).schema["sequences"][0]["protein"]["msa"] == str(beside)
    here = write("x.a3m", ">q\nMKT\n")
    assert read(path).schema["sequences"][0]["protein"]["msa"] == str(here)


def test_fasta_reads_as_boltz_reads_it(write, demo_cache):
    from boltz.data.mol import load_canonicals
    from boltz.data.parse.fasta import parse_fasta

    from foldcp.demo import molecules
    from foldcp.predict.inputs import parse
    from foldcp.predict.seeds import seeded_conformers

    text = ">A|protein|empty\nMKT\nAYI\n>B|rna\nGCA\n>C|ccd\nATP\n>D|smiles\nCCO\n"
    path = write("x.fasta", text)
    folder = molecules.build(demo_cache, ["ATP"])
    canonicals = load_canonicals(folder)
    with seeded_conformers(5):
        expected = parse_fasta(path, dict(canonicals), folder, True)
    got = parse(read(path), "x", folder, canonicals, 5)
    for table in ("atoms", "bonds", "residues", "chains"):
        assert (getattr(got.structure, table) == getattr(expected.structure, table)).all()
    assert got.record == expected.record


def test_codes_that_must_be_known(mixed):
    assert read(mixed).codes() == {"TPO", "ATP", "ZN"}


def test_find_takes_files_and_folders_once(write, tmp_path):
    b, a = write("in/b.yaml", ""), write("in/a.fasta", "")
    write("in/notes.txt", "")
    assert find([tmp_path / "in", b]) == [a, b]


def test_find_refuses_what_would_overwrite(write):
    with pytest.raises(UsageError, match="both be written as 'x'"):
        find([write("one/x.yaml", ""), write("two/x.fasta", "")])


def test_find_names_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        find([tmp_path / "nothing.yaml"])
    with pytest.raises(InputError, match="no Boltz input"):
        find([tmp_path])
