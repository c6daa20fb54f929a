import gzip
from pathlib import Path

import pytest

from foldcp.errors import InputError
from foldcp.msa.species import not_paired, read_species_map, species, with_species, without_key


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("UniRef100_UPI000B1A43EC_1463901/\t204\t0.926", "1463901"),
        ("UniRef100_A0A3N1SWC4_2485152/1-99", "2485152"),
        ("UniRef100_A0A0D4WTP2\t338\t1.00", None),
        ("UniRef100_A0A0D4WTP2 protein n=1 Tax=Homo sapiens TaxID=9606 RepID=X_HUMAN", "9606"),
        ("sp|P69905|HBA_HUMAN Hemoglobin OS=Homo sapiens OX=9606 GN=HBA1 PE=1", "9606"),
        ("P69905\t99\t1.00\tsp|P69905|HBA_HUMAN Hemoglobin", "HUMAN"),
        ("tr|A0A146SKV9|A0A146SKV9_FUNHE/1-50", "FUNHE"),
        ("HBA_HUMAN/1-141", "HUMAN"),
        ("GLB5_PETMA", "PETMA"),
        ("sp|P1|RBR4_BPT4 x", "BPT4"),
        ("sp|P1|1433_HV1H2", "HV1H2"),
        ("UniRef100_A n=9 Tax=root TaxID=1 RepID=X_HUMAN", "HUMAN"),
        ("UniRef100_A0A000 TaxID=2\tTaxID=9606", "9606"),
        ("HBA_RAT", "RAT"),
        # Codes and taxa of many species at once tell nothing.
        ("A0A146SKV9_9BACT", None),
        ("UniRef100_A n=9 Tax=Bacteria TaxID=2 RepID=A0A000_9BACT", None),
        # Metagenomes and others that only look alike.
        ("SRR5579883_532585\t157\t0.273", None),
        ("SRR5919198_16293", None),
        ("3300005562.a:Ga0058697_10000188_20", None),
        ("5959|scaffold06316_3|+4409|00", None),
        ("MGYP000886274396", None),
        ("GenBOX=7", None),
        ("NODE_A12", None),
        ("SRR123_ORF1", None),
        ("gene COX_SUBUN of it", None),
        ("", None),
        # An explicit key goes before a species, and is none.
        ("UniRef100_A_9606/ OX=9606 Key=12", "key:12"),
        ("x OX=9606 Key=Homo sapiens", "key:Homo sapiens"),
        ("x\tKey=12", "key:12"),
        ("x OX=9606 Key=-", None),
    ],
)
def test_species_of_headers(header: str, expected: str | None) -> None:
    assert species(header) == expected


def test_most_rows_of_the_real_files_tell_their_species(shared_data: Path) -> None:
    for number, total in ((1, 271), (2, 292)):
        text = (shared_data / "msa" / f"opendde_7wux_{number}_pairing.a3m").read_text()
        headers = [line[1:] for line in text.split("\n") if line.startswith(">")][1:]
        assert len(headers) == total
        # What the last part of the identifier says, read in another way.
        tax_ids = [header.split("/")[0].rsplit("_", 1)[1] for header in headers if "/" in header]
        assert len(tax_ids) >= total - 2
        # 2 are all bacteria.
        told = [tax for tax in tax_ids if tax != "2"]
        assert [name for name in map(species, headers) if name] == told


def test_a_map_tells_what_headers_do_not(tmp_path: Path) -> None:
    path = tmp_path / "map.tsv.gz"
    text = "# my proteins\nA0A000\t9606\nP1,559292\n\nwhole|name|x 10090\n"
    path.write_bytes(gzip.compress(text.encode()))
    known = read_species_map(path)
    assert without_key("a OX=9606\tKey=x y") == "a OX=9606" == without_key("a OX=9606")
    assert species(not_paired("a OX=9606")) is None
    assert known == {"A0A000": "9606", "P1": "559292", "whole|name|x": "10090"}
    for header, expected in {
        "UniRef100_A0A000\t338\t1.00": "9606",
        "A0A000/1-99": "9606",
        "tr|A0A000|x": "9606",
        "whole|name|x": "10090",
        "P1": "559292",
        "UniRef100_A0A000_7/": "7",  # the header goes first
        "unknown": None,
        "": None,
    }.items():
        assert species(with_species(header, known)) == expected
    assert with_species("unknown", known) == "unknown"


def test_a_map_that_contradicts_itself(tmp_path: Path) -> None:
    path = tmp_path / "map.tsv"
    path.write_text("P1\t7\nP2 8\nP1\t7\nP1 9\n")
    with pytest.raises(InputError, match=r"map\.tsv, line 4: P1 has the tax id 9, and 7 above"):
        read_species_map(path)


@pytest.mark.parametrize("line", ["A0A000", "A0A000\thuman", "a b 9606", "A0A000 -1"])
def test_a_bad_map_is_an_error_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "map.tsv"
    path.write_text(f"P1\t7\n{line}\n")
    with pytest.raises(InputError, match=r"map\.tsv, line 2: got .*; expected an identifier and a tax id"):
        read_species_map(path)
