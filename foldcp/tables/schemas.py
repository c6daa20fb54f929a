"""Every table of a campaign, declared once: column, type, meaning.

A column's meaning travels in the Arrow field metadata (`description`), so that a data dictionary can be
printed from any written file.
"""

import pyarrow as pa

from foldcp.tables.columns import INT, LONG, REAL, ROLE, TEXT, TIME, column, key, score
from foldcp.tables.rows import TableSpec
from foldcp.tables.score_schemas import SCORES
from foldcp.tables.statistics_schemas import COMPARISON, STATISTICS

MEMBER = pa.struct(
    [
        key("member", TEXT, "key of the member, as sequences are looked up: P12345, P12345-2, CHEBI:29105"),
        key("namespace", TEXT, "uniprot, rnacentral, chebi, complexportal, ensembl, intact or other"),
        key("copies", INT, "copies in the complex, at least 1"),
        key("copies_source", TEXT, "where the number of copies comes from: table, override or assumed"),
        column("gene", TEXT, "gene name given by the table"),
    ]
)

ANNOTATION = pa.struct(
    [
        key("scheme", TEXT, "vocabulary: funcat, go, method, ..."),
        key("term", TEXT, "identifier of the term in that vocabulary"),
        column("label", TEXT, "name of the term"),
    ]
)

CHAIN = pa.struct(
    [
        key("chain_id", TEXT, "chain name in the structure: A, B, ..., AA"),
        key("member", TEXT, "member this chain is a copy of"),
        key("entity_type", TEXT, "protein, rna, dna or ligand"),
        key("sha256", TEXT, "hash of the sequence (ligands: of the CCD code or SMILES); empty if unknown"),
        key("copy", INT, "1 for the first copy of the member"),
        key("n_tokens", INT, "tokens of this chain"),
    ]
)

TEMPLATE_LINE = pa.struct(
    [
        key("row", LONG, "record number in complexes.templates, 1 = first record after the header"),
        column("member", TEXT, "member it is a template for; none for all proteins"),
        key("file", TEXT, "mmCIF file, as the line names it"),
        column("chain", TEXT, "chain of the file (label_asym_id); none where Boltz matches sequences"),
        column("sha256", TEXT, "hash of the unpacked file, whose copy is 01_templates/<sha256>.cif"),
        column("error", TEXT, "why it cannot be used, which rejects the complex"),
    ]
)

TEMPLATE = pa.struct(
    [
        key("sha256", TEXT, "hash of the file"),
        key("chains", pa.list_(TEXT), "names of the chains it is a template for"),
        column(
            "template_chains",
            pa.list_(TEXT),
            "chain of the file for each of them; none where Boltz matches sequences",
        ),
        column(
            "identical",
            pa.list_(INT),
            "for each of them, identical residues in the stretch that Boltz aligns; none without one",
        ),
    ]
)

COMPLEXES = TableSpec(
    "complexes",
    "one row per complex: read from the input table, a pair of a screen, or made as a control",
    pa.schema(
        [
            key("complex_id", TEXT, "unique and safe as a file name; derived from source_id"),
            key("source_id", TEXT, "identifier as the table gives it"),
            key("source_row", LONG, "record number in the input, 1 = first record after the header"),
            key(
                "source_format",
                TEXT,
                "corum, complextab, mitab, biogrid, string, humap, csv, screen or decoy",
            ),
            column("source_score", REAL, "the table's own confidence, on the table's own scale"),
            column("name", TEXT, "name of the complex"),
            column("organism", TEXT, "organism, as the table gives it"),
            key("members", pa.list_(MEMBER), "distinct members"),
            key("n_members", INT, "distinct members"),
            key("n_chains", INT, "members times copies"),
            key("content_key", TEXT, "hash of members and copies: equal content, equal key"),
            key("same_as", TEXT, "complex_id of the first complex with this content (own id if first)"),
            key("annotations", pa.list_(ANNOTATION), "categories for enrichment"),
            key("flags", pa.list_(TEXT), "remarks, e.g. mixed_species, unknown_copies:P12345"),
            ROLE,
            column("matched_to", TEXT, "complex_id that a decoy was made to resemble"),
            column(
                "templates",
                pa.list_(TEMPLATE_LINE),
                "lines of complexes.templates for it",
            ),
        ]
    ),
)

REJECTED = TableSpec(
    "rejected",
    "one row per record or complex that left the campaign before prediction, with the reason",
    pa.schema(
        [
            key(
                "stage",
                TEXT,
                "complexes, controls (a remark: it lacks a decoy and goes on), tokens, plan or scores",
            ),
            column("complex_id", TEXT, "complex, where the record got that far"),
            column("source_id", TEXT, "identifier as the table gives it"),
            column("source_row", LONG, "record number in the input"),
            key("reason_code", TEXT, "short machine-readable reason"),
            key("reason", TEXT, "what is wrong and what to do, in words"),
            column("raw", TEXT, "the offending text, shortened"),
        ]
    ),
)

SEQUENCES = TableSpec(
    "sequences",
    "one row per distinct member that could be resolved",
    pa.schema(
        [
            key("member", TEXT, "key of the member, as in complexes"),
            key("namespace", TEXT, "namespace of the member"),
            column("accession", TEXT, "accession without isoform and feature"),
            column("isoform", INT, "isoform number asked for"),
            column("feature", TEXT, "mature chain asked for, e.g. PRO_0000028163"),
            key("entity_type", TEXT, "protein, rna, dna or ligand"),
            column(
                "sequence", TEXT, "one-letter sequence; null for ligands and when only the length is known"
            ),
            column("ccd", TEXT, "CCD code of a ligand"),
            column("smiles", TEXT, "SMILES of a ligand"),
            key("length", INT, "residues; heavy atoms for a ligand"),
            column("sha256", TEXT, "hash of the sequence (ligands: of the CCD code or SMILES)"),
            key("source", TEXT, "where it was found: file name, uniprot, lengths table, ligand table"),
            key(
                "resolution",
                TEXT,
                "exact, canonical_for_isoform, mature_chain, whole_entry_for_feature, merged_entry or "
                "length_only",
            ),
            column("description", TEXT, "protein name or ligand name"),
            column("taxid", INT, "NCBI taxonomy identifier"),
        ]
    ),
)

UNRESOLVED = TableSpec(
    "unresolved",
    "one row per distinct member that could not be resolved",
    pa.schema(
        [
            key("member", TEXT, "key of the member"),
            key("namespace", TEXT, "namespace of the member"),
            key("reason_code", TEXT, "short machine-readable reason"),
            key("reason", TEXT, "what is wrong and what to do, in words"),
            key("n_complexes", INT, "complexes that contain the member"),
        ]
    ),
)

MSA = TableSpec(
    "msa",
    "one row per unique protein sequence, and one per alignment of a single complex",
    pa.schema(
        [
            key("sha256", TEXT, "hash of the sequence"),
            column(
                "complex_id",
                TEXT,
                "complex that the alignment belongs to; null: every complex with the sequence",
            ),
            key("length", INT, "residues"),
            key("provider", TEXT, "directory, mmseqs or server; none for a single sequence"),
            column("path", TEXT, "alignment file, relative to the table; null for a single sequence"),
            key(
                "depth",
                INT,
                "distinct rows of the alignment, 1 for a single sequence, 0 if it cannot be used",
            ),
            column("file_sha256", TEXT, "hash of the alignment file"),
            column("error", TEXT, "why the alignment cannot be used; complexes that need it are rejected"),
            score(
                "coverage",
                "share of the query's residues that a row of the alignment covers, mean over its other rows",
                "foldcp.msa.a3m",
            ),
            column(
                "origin", TEXT, "name of the file, or program, databases and settings of a search as JSON"
            ),
            column("failure", TEXT, "why there is no alignment, where the single sequence is folded instead"),
            key("species", pa.list_(TEXT), "species that chains can be paired by: tax ids, names or keys"),
            key("n_species_rows", INT, "rows of known species but the query"),
        ]
    ),
)

MSA_BATCHES = TableSpec(
    "msa_batches",
    "one row per unique protein sequence whose alignment has to be searched",
    pa.schema(
        [
            key("batch", TEXT, "search job that takes it"),
            key("sha256", TEXT, "hash of the sequence"),
            key("sequence", TEXT, "the sequence"),
        ]
    ),
)

MSA_FAILED = TableSpec(
    "msa_failed",
    "one row per sequence of a search job that got no result",
    pa.schema(
        [
            key("sha256", TEXT, "hash of the sequence"),
            key("reason", TEXT, "what went wrong, in words"),
        ]
    ),
)

TOKENS = TableSpec(
    "tokens",
    "one row per complex that can be folded",
    pa.schema(
        [
            key("complex_id", TEXT, "complex"),
            key("n_tokens", INT, "tokens as Boltz-2 counts them, copies included"),
            key("n_atoms", LONG, "heavy atoms, estimated from residue composition where needed"),
            key("n_chains", INT, "chains"),
            key("n_entities", INT, "distinct chains"),
            key("msa_depth", INT, "rows of the complex's alignment, 1 where there is none"),
            key("paired_depth", INT, "rows of it that pair chains by species, the queries' among them"),
            key("chains", pa.list_(CHAIN), "chains in the order they are folded"),
            column("templates", pa.list_(TEMPLATE), "structure templates it is folded with"),
            key("n_templates", INT, "structure templates given for it"),
            key(
                "input_key",
                TEXT,
                "hash of everything the prediction reads: sequences, copies, alignments, templates",
            ),
            key(
                "predicted_as",
                TEXT,
                "complex_id whose prediction serves this row (first with this input_key)",
            ),
            key("flags", pa.list_(TEXT), "remarks, e.g. dropped:CHEBI:29105, canonical_for_isoform:P12345-2"),
            ROLE,
        ]
    ),
)

PLAN = TableSpec(
    "plan",
    "one row per prediction to run",
    pa.schema(
        [
            key("complex_id", TEXT, "complex"),
            key("n_tokens", INT, "tokens"),
            key("msa_depth", INT, "rows of the alignment: as in tokens, but 16 384 at most"),
            key(
                "msa_rows",
                INT,
                "rows of the alignment that are read, its first; fewer than msa_depth where memory is short",
            ),
            key("bin", TEXT, "name of the size bin, e.g. 0000512 for up to 512 tokens"),
            key("mesh_rows", INT, "mesh rows p"),
            key("mesh_cols", INT, "mesh columns q"),
            key("n_nodes", INT, "nodes the mesh spans"),
            key("gpu", TEXT, "GPU model planned for, a key of gpus.yaml"),
            key("predicted_peak_bytes", LONG, "peak memory of the worst rank"),
            key("predicted_seconds", REAL, "wall time of this complex on its mesh"),
            key("shard", INT, "shard inside the bin"),
            key("position", INT, "place in the shard, longest first"),
            key("input_key", TEXT, "as in tokens"),
            ROLE,
        ]
    ),
)

LEDGER = TableSpec(
    "ledger",
    "one row per attempt to predict a complex",
    pa.schema(
        [
            key("complex_id", TEXT, "complex"),
            column("role", TEXT, "as in the plan; null for attempts from before there were roles"),
            key("bin", TEXT, "size bin"),
            key("shard", INT, "shard inside the bin"),
            key("mesh", TEXT, "mesh, rows x columns"),
            key("budget", TEXT, "memory for intermediates: small, medium or large"),
            key("seed", LONG, "campaign seed"),
            key("samples", INT, "samples asked for"),
            column("job_id", TEXT, "SLURM or submitit job"),
            column("host", TEXT, "host of the process that led the attempt"),
            column("hosts", pa.list_(TEXT), "hosts of the ranks, in order of rank, each once"),
            column("device", TEXT, "GPU model or cpu"),
            column("submitted_at", TIME, "submission of the job"),
            column("started_at", TIME, "start of this complex"),
            column("finished_at", TIME, "end of this complex"),
            column("queue_seconds", REAL, "time the job waited"),
            column("wall_seconds", REAL, "time this complex took"),
            column("peak_bytes", LONG, "measured peak memory of the worst rank"),
            column("rank_peaks", pa.list_(LONG), "measured peak memory of each rank; null where unseen"),
            column("predicted_peak_bytes", LONG, "peak memory the plan expected"),
            column("msa_rows", INT, "most rows of the alignment to be read; null: all of them"),
            column("peak_correction", REAL, "factor on it that the campaign had learnt by then"),
            column("predicted_seconds", REAL, "time the plan expected"),
            key(
                "outcome", TEXT, "done, oom, timeout, preempted, node_failure, bad_input, numerical, crashed"
            ),
            key("cause", TEXT, "what ended it, finer than the outcome: killed, hung, cancelled, ..."),
            column("message", TEXT, "what went wrong, in words"),
            key("run_key", TEXT, "hash of input, settings, weights and prediction code version"),
            column("weights_sha256", TEXT, "hash of the checkpoint"),
            column("config_sha256", TEXT, "hash of the configuration's predict section"),
            key("foldcp_version", TEXT, "version and commit that ran the attempt"),
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
        MSA_BATCHES,
        MSA_FAILED,
        TOKENS,
        PLAN,
        LEDGER,
        *SCORES.values(),
        *STATISTICS.values(),
        COMPARISON,
    )
}
