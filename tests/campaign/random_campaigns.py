"""Random small campaigns for the controls stage, and what is known of them, found by brute force."""

import itertools
import random
from pathlib import Path

from make_tables import sha256

from foldcp import config
from foldcp.campaign.complexes import ingest
from foldcp.campaign.controls import make_controls
from foldcp.tables.rows import rows_to_table
from foldcp.tables.schemas import MSA, SEQUENCES, UNRESOLVED

LIGANDS = ("CHEBI:1", "CHEBI:2", "CHEBI:3")


class RandomCampaign:
    """A table of complexes, its sequences and alignments.

    Attributes
    ----------
    rows
        complex_id -> members with copies; a malformed member makes the row a rejected one.
    facts
        member -> entity_type, sequence (its hash is the identity), length, depth, taxid.
    known
        Interactions of another table.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self.folder, draw = folder, random.Random(seed)
        self.facts = {}
        for number in range(draw.randint(6, 40)):
            self._add_protein(f"P{number:05d}", draw)
        self.facts |= {
            name: {"entity_type": "ligand", "sequence": name, "length": n, "depth": 1, "taxid": None}
            for name, n in zip(LIGANDS, (5, 5, 6), strict=True)
        }
        names = [*self.facts, "P99999"]
        self.rows = {}
        for number in range(draw.randint(2, 20)):
            members = draw.sample(names, draw.randint(1, 4))
            self.rows[f"c{number}"] = {m: draw.choice([1, 1, 2]) for m in members}
            if draw.random() < 0.1:
                self.rows[f"c{number}"]["TP53"] = 1
        self.known = [draw.sample(names, 2) for _ in range(draw.randint(0, 5))]

    def _add_protein(self, name: str, draw: random.Random) -> None:
        twin = draw.choice([f["sequence"] for f in self.facts.values()]) if self.facts else ""
        sequence = twin if twin and draw.random() < 0.1 else name
        facts = next((f for f in self.facts.values() if f["sequence"] == sequence), None)
        self.facts[name] = facts or {
            "entity_type": "protein",
            "sequence": sequence,
            "length": draw.choice([100, 104, 110, 200, 210, 225]),
            "depth": draw.choice([1, 10, 15, 40]),
            "taxid": draw.choice([9606, 9606, 9606, 559292]),
        }
        if draw.random() < 0.15:
            self.facts[f"{name}-2"] = self.facts[name] | {"sequence": f"{name}-2"}

    def controls(self, per_complex: float = 1, seed: int = 7, **controls):
        """Run the stages up to controls, through real files."""
        table, known = self.folder / "table.csv", self.folder / "known.csv"
        lines = [f"{name},{';'.join(f'{m}({n})' for m, n in row.items())}" for name, row in self.rows.items()]
        table.write_text("\n".join(["complex_id,members", *lines]) + "\n")
        known.write_text("\n".join(["id_a,id_b", *(f"{a},{b}" for a, b in self.known)]) + "\n")
        settings = config.parse(
            {
                "seed": seed,
                "complexes": {"table": str(table)},
                "controls": {"decoys_per_complex": per_complex, "known_partners": [str(known)], **controls},
            }
        )
        self.complexes = ingest(table).complexes
        return make_controls(self.complexes, self.sequences, self.unresolved, self.msa, settings)

    @property
    def sequences(self):
        names = {m for row in self.rows.values() for m in row} & set(self.facts)
        return rows_to_table(
            SEQUENCES,
            [
                {
                    "member": name,
                    "namespace": "chebi" if name in LIGANDS else "uniprot",
                    "entity_type": facts["entity_type"],
                    "sequence": None if name in LIGANDS else "M" * facts["length"],
                    "ccd": name if name in LIGANDS else None,
                    "length": facts["length"],
                    "sha256": sha256(facts["sequence"]),
                    "source": "test",
                    "resolution": "exact",
                    "taxid": facts["taxid"],
                }
                for name, facts in sorted((n, self.facts[n]) for n in names)
            ],
        )

    @property
    def unresolved(self):
        row = {"member": "P99999", "namespace": "uniprot", "reason_code": "no_sequence", "reason": "none"}
        return rows_to_table(UNRESOLVED, [row | {"n_complexes": 1}])

    @property
    def msa(self):
        proteins = {f["sequence"]: f for f in self.facts.values() if f["entity_type"] == "protein"}
        common = {"provider": "none", "species": [], "n_species_rows": 0}
        return rows_to_table(
            MSA,
            [
                {"sha256": sha256(s), "length": f["length"], "depth": f["depth"], **common}
                for s, f in proteins.items()
            ],
        )

    def meet(self, a: str, b: str) -> bool:
        """Whether two members, or others of the same proteins, are in one record of any table."""
        records = [*map(set, self.rows.values()), *map(set, self.known)]
        return any(
            x != y and {x, y} <= record
            for record in records
            for x, y in itertools.product(self.same(a) & record, self.same(b) & record)
        ) or self.same(a) == self.same(b)

    def same(self, member: str) -> set[str]:
        """Members that are the same protein: of one accession or of one sequence, and so on."""
        listed = {m for row in self.rows.values() for m in row}
        sequence = {name: f["sequence"] for name, f in self.facts.items() if name in listed}
        found = {member}
        while True:
            more = {
                other
                for other in [*self.facts, "P99999"]
                for known in found
                if other.partition("-")[0] == known.partition("-")[0]
                or (other in sequence and sequence[other] == sequence.get(known))
            }
            if more <= found:
                return found
            found |= more
