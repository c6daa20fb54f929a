"""Tables of scores: what a structure predictor says of its own output, and what the structure itself says.

Each table is a folder of Parquet files, one per size bin: `07_scores/<table>/bin=<bin>/part.parquet`
(`foldcp.tables.dataset`). Interfaces are directed: chain a is scored, from the frames of chain b.
"""

import pyarrow as pa

from foldcp.tables.columns import BOOL, INT, LONG, ROLE, TEXT, column, key, score
from foldcp.tables.rows import TableSpec

_AF3 = "AlphaFold 3, supplementary section 5.9"
_BOLTZ = "Boltz-2, confidence module"
_IPSAE = "Dunbrack 2025, ipSAE; ipsae.py version 4"
_PDOCKQ = "Bryant et al. 2022, pDockQ"
_PDOCKQ2 = "Zhu et al. 2023, pDockQ2"
_LIS = "Kim et al. 2024, local interaction score"
_ILIS = "Kim et al. 2025, integrated local interaction score"
_OURS = "foldcp"

_MEANINGLESS = key("meaningless", BOOL, "true when demo weights made the prediction: the scores mean nothing")
_SAMPLE = [
    key("complex_id", TEXT, "complex"),
    key("sample", INT, "sample number, 0 = first"),
    ROLE,
]
_COUNTED = "over protein and nucleic acid residues"

_OF_SAMPLE = [
    key("predicted_as", TEXT, "complex whose prediction this is (equal input is predicted once)"),
    column("seed", LONG, "campaign seed"),
    key(
        "program",
        TEXT,
        "program that wrote the prediction: foldcp, boltz, alphafold3, alphafold2 or colabfold",
    ),
    column("n_tokens", INT, "tokens", unit="tokens", span=(1, None)),
    column("n_chains", INT, "chains", unit="chains", span=(1, None)),
    score(
        "ranking_score",
        "what ranks samples: confidence_score of Boltz, ranking_score of AlphaFold 3, "
        "0.8 iptm + 0.2 ptm of ColabFold and AlphaFold 2 (pLDDT for one chain)",
        "each program's own",
        (-100, 1.5),
    ),
    score("confidence_score", "(4 complex_plddt + iptm) / 5; ptm instead of iptm for one chain", _BOLTZ),
    score("ptm", "predicted TM-score", _AF3),
    score("iptm", "predicted TM-score over pairs of different chains; 0 for one chain", _AF3),
    score(
        "protein_iptm",
        "ipTM over protein-protein interfaces; null where there are not two protein chains",
        _BOLTZ,
    ),
    score("ligand_iptm", "ipTM over protein-ligand interfaces; null without a protein and a ligand", _BOLTZ),
    score("complex_plddt", "mean pLDDT over tokens", _AF3),
    score("complex_iplddt", "pLDDT weighted towards interfaces and ligands", _BOLTZ),
    score("complex_pde", "mean predicted distance error", _BOLTZ, (0, 32), "Å"),
    score("complex_ipde", "mean predicted distance error at interfaces", _BOLTZ, (0, 32), "Å"),
    score("interface_plddt", "mean pLDDT of residues in contact with another chain", _OURS),
    score("ipsae_max", "highest ipsae of the directed interfaces", _IPSAE),
    score(
        "ipsae_weakest",
        "lowest, over polymer chains, of a chain's highest ipsae in either direction with any partner: is "
        "every subunit bound?",
        _OURS,
    ),
    score("pdockq_max", "highest pdockq of the interfaces", _PDOCKQ, (0, 1)),
    score("pdockq2_max", "highest pdockq2 of the directed interfaces", _PDOCKQ2, (0, 1.32)),
    score("lis_max", "highest lis of the interfaces, both directions averaged", _LIS),
    score("ilis_max", "highest ilis of the interfaces, both directions averaged", _ILIS),
    score(
        "n_interfaces",
        "pairs of chains whose residues are in contact; ligands have none",
        _OURS,
        (0, None),
        "pairs",
        INT,
    ),
    score("n_contacts", "pairs of residues of different chains in contact", _OURS, (0, None), "pairs", LONG),
    score(
        "buried_area",
        "solvent-accessible area that chains lose in the complex, half of the sum over chains",
        "Shrake & Rupley 1973; biotite",
        (0, None),
        "Å²",
    ),
    score(
        "n_clashes",
        "pairs of heavy atoms of different chains nearer than 1.1 Å, as AlphaFold 3 counts them",
        _AF3,
        (0, None),
        "pairs",
        LONG,
    ),
    column(
        "symmetry", TEXT, "cyclic or dihedral symmetry of the copies of one sequence, e.g. C2; null if none"
    ),
    score("symmetry_rmsd", "root mean square deviation from that symmetry", _OURS, (0, None), "Å"),
    column("model", TEXT, "model name"),
    column("weights_sha256", TEXT, "hash of the checkpoint"),
    _MEANINGLESS,
    column("structure", TEXT, "structure file, relative to the predictions folder"),
]

SCORES_SAMPLES = TableSpec(
    "scores_samples",
    "one row per complex and sample",
    pa.schema(
        [
            *_SAMPLE,
            key("rank", INT, "1 = sample with the highest ranking_score; the earlier sample wins a tie"),
            *_OF_SAMPLE,
        ]
    ),
)

SPREAD = ("ranking_score", "iptm", "ipsae_max", "pdockq2_max")
"""Scores whose mean and standard deviation over samples are in the complexes table."""

SCORES_COMPLEXES = TableSpec(
    "scores_complexes",
    "one row per complex: its best sample (rank 1), and how its samples spread",
    pa.schema(
        [
            *_SAMPLE,
            *_OF_SAMPLE,
            key("n_samples", INT, "samples"),
            *(
                field
                for name in SPREAD
                for field in (
                    score(f"{name}_mean", f"mean of {name} over samples", _OURS, (-100, 1.5)),
                    score(
                        f"{name}_sd",
                        f"standard deviation (n - 1) of {name} over samples; null for one sample",
                        _OURS,
                        (0, None),
                    ),
                )
            ),
        ]
    ),
)

SCORES_CHAINS = TableSpec(
    "scores_chains",
    "one row per complex, sample and chain",
    pa.schema(
        [
            *_SAMPLE,
            key("chain_id", TEXT, "chain name in the structure"),
            key("chain_index", INT, "index of the chain in the confidence output, from 0"),
            column("member", TEXT, "member of the complex"),
            column("entity_type", TEXT, "protein, rna, dna or ligand"),
            column("n_tokens", INT, "tokens of the chain", unit="tokens", span=(1, None)),
            score("chain_ptm", "pTM of the chain", _AF3),
            score("mean_plddt", "mean pLDDT over tokens", _AF3),
            score("min_plddt", "lowest pLDDT", _AF3),
            score("interface_plddt", "mean pLDDT of residues in contact with another chain", _OURS),
            score("ipsae_max", "highest ipsae with any partner, either direction", _IPSAE),
            column("ipsae_partner", TEXT, "that partner"),
            score("n_contacts", "pairs of residues with another chain", _OURS, (0, None), "pairs", LONG),
            score("buried_area", "accessible area lost in the complex", "biotite", (0, None), "Å²"),
            _MEANINGLESS,
        ]
    ),
)

SCORES_INTERFACES = TableSpec(
    "scores_interfaces",
    "one row per complex, sample and ordered pair of different chains",
    pa.schema(
        [
            *_SAMPLE,
            key("chain_a", TEXT, "chain that is scored (ipsae.py prints it as the second chain)"),
            key("chain_b", TEXT, "chain whose frames align the complex (ipsae.py's first chain)"),
            column("member_a", TEXT, "member of chain_a"),
            column("member_b", TEXT, "member of chain_b"),
            column(
                "kind",
                TEXT,
                "entity types of both, e.g. protein-ligand; in the order protein, rna, dna, ligand",
            ),
            score("chain_pair_iptm", "ipTM of chain_a seen from the frames of chain_b; directed", _AF3),
            score("ipsae", "ipSAE, d0 from each residue's count of PAE below 10 Å; directed", _IPSAE),
            score("ipsae_d0chn", "ipSAE with d0 from the length of both chains; directed", _IPSAE),
            score("ipsae_d0dom", "ipSAE with d0 from the residues with any PAE below 10 Å", _IPSAE),
            score("iptm_d0chn", "ipTM of the pair from the PAE, d0 from the length of both chains", _IPSAE),
            score(
                "n0res",
                "residues of chain_a with PAE below 10 Å from the best residue",
                _IPSAE,
                (0, None),
                "residues",
                INT,
            ),
            score("n0chn", "residues of both chains", _IPSAE, (0, None), "residues", INT),
            score(
                "n0dom", "residues of both chains with any PAE below 10 Å", _IPSAE, (0, None), "residues", INT
            ),
            score("d0res", "d0 of ipsae at the best residue", _IPSAE, (1, None), "Å"),
            score("d0chn", "d0 of ipsae_d0chn", _IPSAE, (1, None), "Å"),
            score("d0dom", "d0 of ipsae_d0dom", _IPSAE, (1, None), "Å"),
            score(
                "nres_a", "residues of chain_a with any PAE below 10 Å", _IPSAE, (0, None), "residues", INT
            ),
            score(
                "nres_b", "residues of chain_b with any PAE below 10 Å", _IPSAE, (0, None), "residues", INT
            ),
            score("dist_a", "those of nres_a also within 10 Å (Cβ)", _IPSAE, (0, None), "residues", INT),
            score("dist_b", "those of nres_b also within 10 Å (Cβ)", _IPSAE, (0, None), "residues", INT),
            score("pdockq", "pDockQ: contacts within 8 Å (Cβ) and their pLDDT; undirected", _PDOCKQ),
            score(
                "pdockq2", "pDockQ2: contacts within 8 Å, their pLDDT and PAE; directed", _PDOCKQ2, (0, 1.32)
            ),
            score("lis", "LIS: mean of (12 - PAE)/12 where PAE is below 12 Å; directed", _LIS),
            score("lia", "LIA: pairs with PAE below 12 Å; directed", _LIS, (0, None), "pairs", LONG),
            score("clis", "cLIS: LIS over pairs that are also in contact (Cβ, 8 Å); directed", _ILIS),
            score("clia", "cLIA: pairs of clis; directed", _ILIS, (0, None), "pairs", LONG),
            score("ilis", "iLIS: square root of lis times clis; directed", _ILIS),
            score("pae_contacts", "mean PAE of pairs in contact; directed", _OURS, (0, 32), "Å"),
            score(
                "pae_min", "lowest PAE of any pair; directed", "AlphaFold 3, chain_pair_pae_min", (0, 32), "Å"
            ),
            score("n_contacts", "pairs of residues within 8 Å (Cβ)", _PDOCKQ, (0, None), "pairs", LONG),
            score("n_residues_a", "residues of chain_a in contact", _PDOCKQ, (0, None), "residues", INT),
            score("n_residues_b", "residues of chain_b in contact", _PDOCKQ, (0, None), "residues", INT),
            score("interface_plddt", "mean pLDDT of the residues in contact", _PDOCKQ),
            score(
                "buried_area",
                "area buried between the two chains, half of the sum",
                "biotite",
                (0, None),
                "Å²",
            ),
            score("n_clashes", "pairs of heavy atoms nearer than 1.1 Å", _AF3, (0, None), "pairs", LONG),
            _MEANINGLESS,
        ]
    ),
)

SCORES = {
    "samples": SCORES_SAMPLES,
    "complexes": SCORES_COMPLEXES,
    "chains": SCORES_CHAINS,
    "interfaces": SCORES_INTERFACES,
}
"""The tables below `07_scores`, by the name of their folder."""
