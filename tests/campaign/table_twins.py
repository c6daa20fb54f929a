"""Small hand-made tables in the layouts of the public databases; names and comments are invented."""

import json

CORUM3_COLUMNS = [
    "ComplexID",
    "ComplexName",
    "Organism",
    "Synonyms",
    "Cell line",
    "subunits(UniProt IDs)",
    "Protein complex purification method",
    "GO ID",
    "GO description",
    "FunCat ID",
    "FunCat description",
    "subunits(Gene name)",
    "Complex comment",
    "SWISSPROT organism",
]
CORUM3_ROWS = [
    {
        "ComplexID": "11",
        "ComplexName": "Alpha-beta complex ",
        "Organism": "Human",
        "subunits(UniProt IDs)": "P11111;P22222-2",
        "Protein complex purification method": "MI:0007-anti tag coimmunoprecipitation;MI:0096-pull down",
        "GO ID": "GO:0000001;GO:0000002",
        "GO description": "first;second, with comma",
        "FunCat ID": "10.01;11.02",
        "FunCat description": "one;two;three",
        "subunits(Gene name)": "ALP;BET",
        "SWISSPROT organism": "Homo sapiens (Human);Homo sapiens (Human)",
    },
    {
        "ComplexID": "12",
        "ComplexName": "Mixed complex",
        "subunits(UniProt IDs)": "P22222-2;P11111",
        "SWISSPROT organism": "Homo sapiens (Human);Mus musculus (Mouse)",
    },
    {"ComplexID": "13", "ComplexName": "Nobody", "subunits(UniProt IDs)": "None"},
    {"ComplexID": "14", "ComplexName": "Lower case", "subunits(UniProt IDs)": "P11111;Q9Jm54"},
    {"ComplexID": "15", "ComplexName": "Cut isoform", "subunits(UniProt IDs)": "P11111;Q9NZL9-"},
    {"ComplexID": "16", "ComplexName": "Alone", "subunits(UniProt IDs)": "P33333"},
]


def delimited(columns, rows, delimiter="\t", blank="None", quote=False):
    """Return rows as text; `quote` writes every field as a spreadsheet does."""

    def cell(text):
        return '"' + text.replace('"', '""') + '"' if quote else text

    lines = [columns, *([row.get(c, blank) for c in columns] for row in rows)]
    return "".join(delimiter.join(map(cell, line)) + "\n" for line in lines)


def corum3(**changes):
    return delimited(CORUM3_COLUMNS, CORUM3_ROWS, **changes)


CORUM5 = (
    "complex_id\tcomplex_name\torganism\tcomment_complex\tsubunits_uniprot_id\tsubunits_gene_name\t"
    "subunits_organism\tsubunits_stoechiometrie\tpurification_methods\tfunctions_go_id\tfunctions_go_name\t"
    "fcgs_id\tfcgs_name\n"
    "21\tUnstated\tHuman\t\tP11111;P22222\tALP;BET\tHomo sapiens (Human);Homo sapiens (Human)\t;\t"
    "MI:0004:affinity chromatography technology\tGO:0000001;GO:0000001\tfirst;first\t7\tgroup\n"
    '22\tTwo to one\tHuman\t"A remark\nin two lines, with ""quotes"".\n"\t'
    "P00734-PRO_0000028163;P00734-PRO_0000028164\tTHR;THR\t"
    "Homo sapiens (Human);Homo sapiens (Human)\t2;1\tMI:0071:molecular sieving\t\t\t\t\n"
    "23\tSeven alike\tHuman\t\tP33333\tGAM\tHomo sapiens (Human)\t7\t\t\t\t\t\n"
    "24\tEmpty\tHuman\t\tP33333\tGAM\tHomo sapiens (Human)\t\t\t\t\t\t\n"
    "25\tNot aligned\tHuman\t\tP11111;P22222;P33333\t\t\t2;1\t\t\t\t\t\n"
    "26\tNot a number\tHuman\t\tP11111;P22222\t\t\tn;2\t\t\t\t\t\n"
)

CORUM5_JSON = json.dumps(
    [
        {
            "complex_id": 31,
            "complex_name": "Nested object",
            "organism": "Human",
            "synonyms": None,
            "purification_methods": [{"mi_id": "MI:0019", "name": "coimmunoprecipitation"}],
            "subunits": [
                {
                    "stoechiometrie": "2",
                    "swissprot": {
                        "uniprot_id": "P11111",
                        "gene_name": "ALP",
                        "organism": "Homo sapiens (Human)",
                    },
                },
                {
                    "stoechiometrie": None,
                    "swissprot": {
                        "uniprot_id": "P22222",
                        "gene_name": "BET",
                        "organism": "Mus musculus (Mouse)",
                    },
                },
                {"stoechiometrie": None, "swissprot": None},
            ],
            "functions": [{"evi": "exp", "pmid": 1, "go": {"go_id": "GO:0000001", "name": "first"}}],
        },
        {"complex_id": 32, "complex_name": "Broken \ud800 name", "subunits_uniprot_id": "P11111;P22222"},
        {"complex_id": 33, "complex_name": "No subunits"},
        "not an object",
    ]
)
CORUM3_JSON = json.dumps([{k: row.get(k) for k in CORUM3_COLUMNS} for row in CORUM3_ROWS])

COMPLEXTAB_COLUMNS = [
    "#Complex ac",
    "Recommended name",
    "Aliases for complex",
    "Taxonomy identifier",
    "Identifiers (and stoichiometry) of molecules in complex",
    "Evidence Code",
    "Experimental evidence",
    "Go Annotations",
    "Cross references",
    "Description",
    "Complex properties",
    "Complex assembly",
    "Ligand",
    "Disease",
    "Agonist",
    "Antagonist",
    "Comment",
    "Source",
    "Expanded participant list",
]
_MEMBERS = COMPLEXTAB_COLUMNS[4]
COMPLEXTAB_ROWS = [
    {
        "#Complex ac": "CPX-1",
        "Recommended name": "Inner complex",
        "Taxonomy identifier": "559292",
        _MEMBERS: "P11111(2)|URS000012D749_559292(1)|P22222(0)",
        "Go Annotations": "GO:0000001(first (obsolete))|GO:0000002(second)",
        "Evidence Code": "ECO:0000353(physical)",
        "Source": 'psi-mi:"MI:0469"(IntAct)',
        "Expanded participant list": "P11111(2)|P22222(0)",
    },
    {
        "#Complex ac": "CPX-2",
        _MEMBERS: "CPX-1(3)|CHEBI:29105(2)|P11111(1)",
        "Expanded participant list": "P11111(7)|P22222(0)",
    },
    {
        "#Complex ac": "CPX-3",
        _MEMBERS: "CPX-99(1)|EBI-16420196(0)|P33333(1)",
        "Expanded participant list": "P33333(3)|P44444(1)",
    },
    {"#Complex ac": "CPX-4", _MEMBERS: "CPX-5(1)|P11111(1)"},
    {"#Complex ac": "CPX-5", _MEMBERS: "CPX-4(1)|P22222(1)"},
    {"#Complex ac": "CPX-6", _MEMBERS: "[P33442,P23248](1)|[P0CX29](1)"},
    {"#Complex ac": "CPX-7", _MEMBERS: "CPX-98(1)|P11111(1)"},
]


def complextab(n_columns=19, mark="#"):
    columns = COMPLEXTAB_COLUMNS[:n_columns]
    text = delimited(columns, COMPLEXTAB_ROWS, blank="-")
    return mark + text.removeprefix("#")


def _mitab_row(width, **cells):
    from foldcp.campaign.formats.mitab import COLUMNS

    row = ["-"] * width
    row[9] = row[10] = "taxid:9606(human)|taxid:9606(Homo sapiens)"
    row[11] = 'psi-mi:"MI:0915"(physical association)'
    row[12] = 'psi-mi:"MI:0469"(IntAct)'
    for name, text in cells.items():
        if COLUMNS[name] < width:
            row[COLUMNS[name]] = text
    return "\t".join(row) + "\n"


_MITAB = [
    {
        "ida": "uniprotkb:P11111",
        "idb": "uniprotkb:P22222-2",
        "interaction": "intact:EBI-1|imex:IM-1",
        "confidence": "author score:A|intact-miscore:0.56",
        "copiesa": "2",
        "copiesb": "0",
    },
    {"ida": "uniprotkb:P11111", "idb": "uniprotkb:P11111"},
    {"ida": "entrez gene/locuslink:672", "idb": "uniprotkb:P11111", "alta": "refseq:NP_1.1|uniprotkb:P38398"},
    {"ida": "entrez gene/locuslink:672", "idb": "uniprotkb:P11111", "alta": "-"},
    {
        "ida": 'chebi:"CHEBI:15422"(ATP)',
        "idb": "uniprotkb:P00734-PRO_0000028163",
        "taxida": "taxid:-2(chemical synthesis)",
    },
    {"ida": "string:9606.ENSP00000000233", "idb": "uniprotkb:P11111", "taxida": "taxid:10090(mouse)"},
    {"ida": "uniprotkb:BRCC3_HUMAN", "idb": "uniprotkb:P11111"},
    {"ida": "uniprotkb:P11111", "idb": "uniprotkb:P22222", "type": 'psi-mi:"MI:0794"(synthetic)'},
    {"ida": "uniprotkb:P11111", "idb": "-"},
    {"ida": "uniprotkb:P11111", "idb": "uniprotkb:P33333", "negative": "true"},
]


def mitab(width=15, header=True):
    names = ["#ID(s) interactor A", "ID(s) interactor B", *(f"column {i}" for i in range(2, width))]
    first = "\t".join(names) + "\n" if header else ""
    return first + "".join(_mitab_row(width, **cells) for cells in _MITAB)


BIOGRID_COLUMNS = [
    "#BioGRID Interaction ID",
    "Official Symbol Interactor A",
    "Official Symbol Interactor B",
    "Experimental System",
    "Experimental System Type",
    "Organism ID Interactor A",
    "Organism ID Interactor B",
    "Score",
    "SWISS-PROT Accessions Interactor A",
    "TREMBL Accessions Interactor A",
    "SWISS-PROT Accessions Interactor B",
    "TREMBL Accessions Interactor B",
    "Organism Name Interactor A",
    "Organism Name Interactor B",
]


def biogrid():
    base = [
        "ALP",
        "BET",
        "Two-hybrid",
        "physical",
        "9606",
        "9606",
        "-",
        "P11111",
        "-",
        "P22222",
        "-",
        "Homo sapiens",
    ]
    rows = []
    for number, changes in enumerate(
        [
            {7: "0.87", 8: "P11111|P44444"},
            {8: "-", 9: "A0A024R1R8|B4DHF6"},
            {8: "-", 9: "-"},
            {3: "Negative Genetic", 4: "genetic"},
            {3: "Protein-RNA"},
            {10: "P11111"},
            {6: "10090", 13: "Mus musculus"},
        ],
        start=401,
    ):
        cells = [str(number), *base, "Homo sapiens"]
        for position, text in changes.items():
            cells[position] = text
        rows.append("\t".join(cells) + "\n")
    return "\t".join(BIOGRID_COLUMNS) + "\n" + "".join(rows)


STRING = (
    "protein1 protein2 experiments combined_score\n"
    "9606.ENSP00000000233 9606.ENSP00000272298 181 490\n"
    "4932.YAL001C 4932.YBR123C 10 999\n"
    "9606.ENSP00000000233 9606.ENSP00000000233 10 700\n"
)
HUMAP2 = "HuMAP2_ID,Confidence,Uniprot_ACCs,genenames\nHuMAP2_00000,3,Q9BQS8 O95900,FYCO1 TRUB2\n"
HUMAP3 = (
    "HuMAP3_ID,ComplexConfidence,Uniprot_ACCs,genenames\nhuMAP3_00001.1,1,Q9BQS8 O95900 P11111,FYCO1 TRUB2\n"
)
HUMAP_FINDER = (
    "ComplexID\tComplexName\tConfidence\tsubunits(UniProt IDs)\tgenenames\n"
    "1\tHuMAP2_00006\t4\tP11111;;P22222\tALP NAMELESS BET\n"
    "2\tHuMAP2_00007\t1\t;\tX Y\n"
    "3\tHuMAP2_00008\t2\tP11111;P11111\tALP ALP\n"
)
CSV = (
    "complex_id,members,name\n"
    "mine,P11111(2);P22222,My complex\n"
    "ours,P22222;P11111(2),\n"
    "spaced,P11111 (2) P33333,\n"
)
PAIRS = "id_a,id_b,score\nP11111,P22222,0.5\nP22222,P11111,nan\nP11111,P11111,\n"
