"""Campaigns made by hand for the tests of decoys."""

from make_tables import sha256

from foldcp import config
from foldcp.campaign.complexes import ingest
from foldcp.campaign.controls import make_controls
from foldcp.tables.rows import empty, rows_to_table
from foldcp.tables.schemas import MSA, SEQUENCES, UNRESOLVED


class Hand:
    """A campaign made by hand: a table, and length, depth and taxon of each member."""

    def __init__(self, folder):
        self.folder = folder
        self.members = {}

    def members_of(self, names, length=100, depth=1, taxid=9606, **more):
        for name in names.split():
            self.members[name] = {"length": length, "depth": depth, "taxid": taxid, **more}

    def run(self, table, per_complex=1, seed=7, known=(), **controls):
        path = self.folder / "table.tsv"
        path.write_text(table)
        for number, text in enumerate(known):
            (self.folder / f"known{number}").write_text(text)
        values = {
            "seed": seed,
            "complexes": {"table": str(path)},
            "controls": {
                "decoys_per_complex": per_complex,
                "known_partners": [str(self.folder / f"known{n}") for n in range(len(known))],
                **controls,
            },
        }
        self.complexes = ingest(path).complexes
        sequences = rows_to_table(SEQUENCES, [self._sequence(*item) for item in self.members.items()])
        return make_controls(self.complexes, sequences, empty(UNRESOLVED), self._msa(), config.parse(values))

    def _sequence(self, name, facts):
        ligand = name.startswith("CHEBI:")
        return {
            "member": name,
            "namespace": "chebi" if ligand else "uniprot",
            "entity_type": facts.get("entity_type", "ligand" if ligand else "protein"),
            "sequence": None if ligand else "M",
            "length": facts["length"],
            "sha256": sha256(facts.get("sequence", name)),
            "source": "test",
            "resolution": "exact",
            "taxid": facts["taxid"],
        }

    def _msa(self):
        rows = {
            sha256(facts.get("sequence", name)): {
                "sha256": sha256(facts.get("sequence", name)),
                "length": facts["length"],
                "provider": "none",
                "depth": facts["depth"],
                "error": facts.get("error"),
                "species": [],
                "n_species_rows": 0,
            }
            for name, facts in self.members.items()
        }
        return rows_to_table(MSA, rows.values())
