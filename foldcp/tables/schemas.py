"""Every table of a campaign, declared once: column, type, meaning.

A column's meaning travels in the Arrow field metadata (`description`), so that a data dictionary can be
printed from any written file.
"""

import pyarrow as pa

from foldcp.tables.rows import TableSpec


def _column(name: str, kind: pa.DataType, description: str, nullable: bool = True) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


def _key(name: str, kind: pa.DataType, description: str) -> pa.Field:
    return _column(name, kind, description, nullable=False)


_TEXT, _INT, _LONG, _REAL, _BOOL = pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_()
_TIME = pa.timestamp("ms", tz="UTC")

MEMBER = pa.struct(
    [
        _key("member", _TEXT, "key of the member, as sequences are looked up: P12345, P12345-2, CHEBI:29105"),
        _key("namespace", _TEXT, "uniprot, rnacentral, chebi, complexportal, ensembl, intact or other"),
        _key("copies", _INT, "copies in the complex, at least 1"),
        _key("copies_source", _TEXT, "where the number of copies comes from: table, override or assumed"),
        _column("gene", _TEXT, "gene name given by the table"),
    ]
)

ANNOTATION = pa.struct(
    [
        _key("scheme", _TEXT, "vocabulary: funcat, go, method, ..."),
        _key("term", _TEXT, "identifier of the term in that vocabulary"),
        _column("label", _TEXT, "name of the term"),
    ]
)

CHAIN = pa.struct(
    [
        _key("chain_id", _TEXT, "chain name in the structure: A, B, ..., AA"),
        _key("member", _TEXT, "member this chain is a copy of"),
        _key("entity_type", _TEXT, "protein, rna, dna or ligand"),
        _key("sha256", _TEXT, "hash of the sequence (ligands: of the CCD code or SMILES); empty if unknown"),
        _key("copy", _INT, "1 for the first copy of the member"),
        _key("n_tokens", _INT, "tokens of this chain"),
    ]
)

COMPLEXES = TableSpec(
    "complexes",
    "one row per complex read from the input table",
    pa.schema(
        [
            _key("complex_id", _TEXT, "unique and safe as a file name; derived from source_id"),
            _key("source_id", _TEXT, "identifier as the table gives it"),
            _key("source_row", _LONG, "record number in the input, 1 = first record after the header"),
            _key("source_format", _TEXT, "corum, complextab, mitab, biogrid, string, humap or csv"),
            _column("source_score", _REAL, "the table's own confidence, on the table's own scale"),
            _column("name", _TEXT, "name of the complex"),
            _column("organism", _TEXT, "organism, as the table gives it"),
            _key("members", pa.list_(MEMBER), "distinct members"),
            _key("n_members", _INT, "distinct members"),
            _key("n_chains", _INT, "members times copies"),
            _key("content_key", _TEXT, "hash of members and copies: equal content, equal key"),
            _key("same_as", _TEXT, "complex_id of the first complex with this content (own id if first)"),
            _key("annotations", pa.list_(ANNOTATION), "categories for enrichment"),
            _key("flags", pa.list_(_TEXT), "remarks, e.g. mixed_species, unknown_copies:P12345"),
        ]
    ),
)

REJECTED = TableSpec(
    "rejected",
    "one row per record or complex that left the campaign before prediction, with the reason",
    pa.schema(
        [
            _key("stage", _TEXT, "stage that rejected it: complexes, tokens, plan or scores"),
            _column("complex_id", _TEXT, "complex, where the record got that far"),
            _column("source_id", _TEXT, "identifier as the table gives it"),
            _column("source_row", _LONG, "record number in the input"),
            _key("reason_code", _TEXT, "short machine-readable reason"),
            _key("reason", _TEXT, "what is wrong and what to do, in words"),
            _column("raw", _TEXT, "the offending text, shortened"),
        ]
    ),
)

SEQUENCES = TableSpec(
    "sequences",
    "one row per distinct member that could be resolved",
    pa.schema(
        [
            _key("member", _TEXT, "key of the member, as in complexes"),
            _key("namespace", _TEXT, "namespace of the member"),
            _column("accession", _TEXT, "accession without isoform and feature"),
            _column("isoform", _INT, "isoform number asked for"),
            _column("feature", _TEXT, "mature chain asked for, e.g. PRO_0000028163"),
            _key("entity_type", _TEXT, "protein, rna, dna or ligand"),
            _column(
                "sequence", _TEXT, "one-letter sequence; null for ligands and when only the length is known"
            ),
            _column("ccd", _TEXT, "CCD code of a ligand"),
            _column("smiles", _TEXT, "SMILES of a ligand"),
            _key("length", _INT, "residues; heavy atoms for a ligand"),
            _column("sha256", _TEXT, "hash of the sequence (ligands: of the CCD code or SMILES)"),
            _key("source", _TEXT, "where it was found: file name, uniprot, lengths table, ligand table"),
            _key(
                "resolution",
                _TEXT,
                "exact, canonical_for_isoform, mature_chain, whole_entry_for_feature, merged_entry or "
                "length_only",
            ),
            _column("description", _TEXT, "protein name or ligand name"),
            _column("taxid", _INT, "NCBI taxonomy identifier"),
        ]
    ),
)

UNRESOLVED = TableSpec(
    "unresolved",
    "one row per distinct member that could not be resolved",
    pa.schema(
        [
            _key("member", _TEXT, "key of the member"),
            _key("namespace", _TEXT, "namespace of the member"),
            _key("reason_code", _TEXT, "short machine-readable reason"),
            _key("reason", _TEXT, "what is wrong and what to do, in words"),
            _key("n_complexes", _INT, "complexes that contain the member"),
        ]
    ),
)

MSA = TableSpec(
    "msa",
    "one row per unique protein sequence",
    pa.schema(
        [
            _key("sha256", _TEXT, "hash of the sequence"),
            _key("length", _INT, "residues"),
            _key("provider", _TEXT, "directory, or none for a single sequence"),
            _column("path", _TEXT, "alignment file, relative to the table; null for a single sequence"),
            _key("depth", _INT, "rows of the alignment, 1 for a single sequence, 0 if it cannot be used"),
            _column("file_sha256", _TEXT, "hash of the alignment file"),
            _column("error", _TEXT, "why the alignment cannot be used; complexes that need it are rejected"),
        ]
    ),
)

TOKENS = TableSpec(
    "tokens",
    "one row per complex that can be folded",
    pa.schema(
        [
            _key("complex_id", _TEXT, "complex"),
            _key("n_tokens", _INT, "tokens as Boltz-2 counts them, copies included"),
            _key("n_atoms", _LONG, "heavy atoms, estimated from residue composition where needed"),
            _key("n_chains", _INT, "chains"),
            _key("n_entities", _INT, "distinct chains"),
            _key("msa_depth", _INT, "rows of the deepest alignment, 1 where there is none"),
            _key("chains", pa.list_(CHAIN), "chains in the order they are folded"),
            _key(
                "input_key", _TEXT, "hash of everything the prediction reads: sequences, copies, alignments"
            ),
            _key(
                "predicted_as",
                _TEXT,
                "complex_id whose prediction serves this row (first with this input_key)",
            ),
            _key(
                "flags", pa.list_(_TEXT), "remarks, e.g. dropped:CHEBI:29105, canonical_for_isoform:P12345-2"
            ),
        ]
    ),
)

PLAN = TableSpec(
    "plan",
    "one row per prediction to run",
    pa.schema(
        [
            _key("complex_id", _TEXT, "complex"),
            _key("n_tokens", _INT, "tokens"),
            _key("bin", _TEXT, "name of the size bin, e.g. 0000512 for up to 512 tokens"),
            _key("mesh_rows", _INT, "mesh rows p"),
            _key("mesh_cols", _INT, "mesh columns q"),
            _key("n_nodes", _INT, "nodes the mesh spans"),
            _key("gpu", _TEXT, "GPU model planned for, a key of gpus.yaml"),
            _key("predicted_peak_bytes", _LONG, "peak memory of the worst rank"),
            _key("predicted_seconds", _REAL, "wall time of this complex on its mesh"),
            _key("shard", _INT, "shard inside the bin"),
            _key("position", _INT, "place in the shard, longest first"),
            _key("input_key", _TEXT, "as in tokens"),
        ]
    ),
)

LEDGER = TableSpec(
    "ledger",
    "one row per attempt to predict a complex",
    pa.schema(
        [
            _key("complex_id", _TEXT, "complex"),
            _key("bin", _TEXT, "size bin"),
            _key("shard", _INT, "shard inside the bin"),
            _key("mesh", _TEXT, "mesh, rows x columns"),
            _key("budget", _TEXT, "memory for intermediates: small, medium or large"),
            _key("seed", _LONG, "campaign seed"),
            _key("samples", _INT, "samples asked for"),
            _column("job_id", _TEXT, "SLURM or submitit job"),
            _column("host", _TEXT, "host of the process that led the attempt"),
            _column("hosts", pa.list_(_TEXT), "hosts of the ranks, in order of rank, each once"),
            _column("device", _TEXT, "GPU model or cpu"),
            _column("submitted_at", _TIME, "submission of the job"),
            _column("started_at", _TIME, "start of this complex"),
            _column("finished_at", _TIME, "end of this complex"),
            _column("queue_seconds", _REAL, "time the job waited"),
            _column("wall_seconds", _REAL, "time this complex took"),
            _column("peak_bytes", _LONG, "measured peak memory of the worst rank"),
            _column("rank_peaks", pa.list_(_LONG), "measured peak memory of each rank; null where unseen"),
            _column("predicted_peak_bytes", _LONG, "peak memory the plan expected"),
            _column("peak_correction", _REAL, "factor on it that the campaign had learnt by then"),
            _column("predicted_seconds", _REAL, "time the plan expected"),
            _key(
                "outcome", _TEXT, "done, oom, timeout, preempted, node_failure, bad_input, numerical, crashed"
            ),
            _key("cause", _TEXT, "what ended it, finer than the outcome: killed, hung, cancelled, ..."),
            _column("message", _TEXT, "what went wrong, in words"),
            _key("run_key", _TEXT, "hash of input, settings, weights and prediction code version"),
            _column("weights_sha256", _TEXT, "hash of the checkpoint"),
            _column("config_sha256", _TEXT, "hash of the configuration's predict section"),
            _key("foldcp_version", _TEXT, "version and commit that ran the attempt"),
        ]
    ),
)

_SAMPLE = [
    _key("complex_id", _TEXT, "complex"),
    _key("sample", _INT, "sample number, 0 = first"),
]
_MEANINGLESS = _key(
    "meaningless", _BOOL, "true when demo weights made the prediction: the scores mean nothing"
)

SCORES_COMPLEXES = TableSpec(
    "scores_complexes",
    "one row per complex and sample",
    pa.schema(
        [
            *_SAMPLE,
            _key("predicted_as", _TEXT, "complex whose prediction this is (equal content is predicted once)"),
            _key("rank", _INT, "1 = sample with the highest confidence_score"),
            _column("seed", _LONG, "campaign seed"),
            _column("n_tokens", _INT, "tokens"),
            _key("n_chains", _INT, "chains"),
            _key(
                "confidence_score", _REAL, "(4 complex_plddt + iptm) / 5; ptm instead of iptm for one chain"
            ),
            _key("ptm", _REAL, "predicted TM-score, 0 to 1"),
            _key("iptm", _REAL, "interface predicted TM-score, 0 to 1"),
            _column("protein_iptm", _REAL, "ipTM over protein-protein interfaces"),
            _column("ligand_iptm", _REAL, "ipTM over protein-ligand interfaces"),
            _key("complex_plddt", _REAL, "mean pLDDT over tokens, 0 to 1"),
            _column("complex_iplddt", _REAL, "pLDDT weighted towards interfaces and ligands, 0 to 1"),
            _column("complex_pde", _REAL, "mean predicted distance error, angstrom"),
            _column("complex_ipde", _REAL, "mean predicted distance error at interfaces, angstrom"),
            _column("model", _TEXT, "model name"),
            _column("weights_sha256", _TEXT, "hash of the checkpoint"),
            _MEANINGLESS,
            _column("structure", _TEXT, "mmCIF file, relative to the predictions folder"),
        ]
    ),
)

SCORES_CHAINS = TableSpec(
    "scores_chains",
    "one row per complex, sample and chain",
    pa.schema(
        [
            *_SAMPLE,
            _key("chain_id", _TEXT, "chain name in the structure"),
            _key("chain_index", _INT, "index of the chain in Boltz's confidence output"),
            _column("member", _TEXT, "member of the complex"),
            _column("entity_type", _TEXT, "protein, rna, dna or ligand"),
            _key("n_tokens", _INT, "tokens of the chain"),
            _column("chain_ptm", _REAL, "pTM of the chain, 0 to 1"),
            _column("mean_plddt", _REAL, "mean pLDDT over tokens, 0 to 1"),
            _column("min_plddt", _REAL, "lowest pLDDT, 0 to 1"),
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
            _key("chain_a", _TEXT, "chain that is scored"),
            _key("chain_b", _TEXT, "chain whose frames align the complex"),
            _column("member_a", _TEXT, "member of chain_a"),
            _column("member_b", _TEXT, "member of chain_b"),
            _key(
                "chain_pair_iptm", _REAL, "ipTM of chain_a seen from the frames of chain_b, 0 to 1; directed"
            ),
            _MEANINGLESS,
        ]
    ),
)

ENRICHMENT = TableSpec(
    "enrichment",
    "one row per category: is it over-represented among the best scored complexes?",
    pa.schema(
        [
            _key("scheme", _TEXT, "vocabulary of the category"),
            _key("term", _TEXT, "identifier of the category"),
            _column("label", _TEXT, "name of the category"),
            _key("score", _TEXT, "score column that ranked the complexes"),
            _key("top_fraction", _REAL, "share of complexes called top"),
            _key("n_top_in_term", _INT, "top complexes in the category"),
            _key("n_top", _INT, "top complexes"),
            _key("n_in_term", _INT, "complexes in the category"),
            _key("n_all", _INT, "complexes with a score"),
            _column("fold_enrichment", _REAL, "(n_top_in_term / n_top) / (n_in_term / n_all)"),
            _column("odds_ratio", _REAL, "odds ratio of the 2x2 table"),
            _key("p_value", _REAL, "Fisher's exact test, one-sided (over-representation)"),
            _key("q_value", _REAL, "Benjamini-Hochberg over all tested categories"),
            _MEANINGLESS,
        ]
    ),
)

ALL = {
    spec.name: spec
    for spec in (
        COMPLEXES,
        REJECTED,
        SEQUENCES,
        UNRESOLVED,
        MSA,
        TOKENS,
        PLAN,
        LEDGER,
        SCORES_COMPLEXES,
        SCORES_CHAINS,
        SCORES_INTERFACES,
        ENRICHMENT,
    )
}
