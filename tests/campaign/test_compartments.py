import csv

import pytest

from foldcp.campaign.compartments import _OF_GO, compartments


@pytest.mark.parametrize(
    ("scheme", "term", "found"),
    [
        ("go", "GO:0005743", {"mitochondrion"}),
        ("go", "GO:0006850", set()),
        ("funcat", "70.10.03", {"nucleus"}),
        ("funcat", "10.01", set()),
        ("localisation", "apicoplast", {"apicoplast"}),
        ("eco", "GO:0005743", set()),
    ],
)
def test_terms_of_a_place_are_that_place(scheme, term, found):
    assert compartments([{"scheme": scheme, "term": term, "label": "x"}]) == found


def test_terms_are_called_what_the_table_calls_them(shared_data):
    """The labels of Complex Portal agree with the compartment that each term was given."""
    words = {
        "nucleus": ("nucle", "chrom"),
        "cytoplasm": ("cyto",),
        "mitochondrion": ("mitochondri",),
        "endoplasmic reticulum": ("endoplasmic reticulum",),
        "golgi": ("golgi",),
        "plasma membrane": ("plasma membrane",),
        "endosome": ("endosome",),
        "vacuole": ("vacuol",),
        "peroxisome": ("peroxisom",),
        "cytoskeleton": ("cytoskeleton", "centrosome"),
    }
    path = shared_data / "ppi" / "complexportal_559292_yeast.tsv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    terms = {t.partition("(") for row in rows for t in row["Go Annotations"].split("|")}
    labels = {term: label.lower() for term, _, label in terms if term in _OF_GO}
    assert len(labels) > 30
    assert {t: label for t, label in labels.items() if not any(w in label for w in words[_OF_GO[t]])} == {}
