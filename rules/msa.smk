if CONFIG.msa.search is not None:

    checkpoint msa_batches:
        input:
            complexes=rules.complexes.output.complexes,
            sequences=rules.sequences.output.sequences,
            alignments=given(CONFIG.msa.directory),
        output:
            batches=result("03_batches.parquet"),
        params:
            searched=deciding("msa", "provider", "directory", "mmseqs", "server"),
        log:
            result("logs/msa_batches.log"),
        group:
            UP_TO_SEQUENCES
        conda:
            "../envs/foldcp.yaml"
        script:
            "../workflow/scripts/msa_batches.py"

    # Compute nodes often have no network, and a server wants one client: that search runs where snakemake does.
    if CONFIG.msa.search == "server":

        localrules:
            msa_search,

    rule msa_search:
        input:
            batches=rules.msa_batches.output.batches,
        output:
            failed=result("03_searches/{batch}.parquet"),
        threads: CONFIG.msa.mmseqs.threads if CONFIG.msa.search == "mmseqs" else 1
        log:
            result("logs/msa_search/{batch}.log"),
        conda:
            "../envs/foldcp.yaml"
        script:
            "../workflow/scripts/msa_search.py"


rule msa:
    input:
        complexes=rules.complexes.output.complexes,
        sequences=rules.sequences.output.sequences,
        alignments=given(CONFIG.msa.directory, CONFIG.msa.species),
        failed=searches,
    output:
        msa=result("03_msa.parquet"),
        files=directory(result("03_msa")),
    params:
        searched=deciding("msa", "provider", "directory", "mmseqs", "server"),
        kept=deciding("msa", "species", "max_rows", "max_identity", "on_failure"),
    log:
        result("logs/msa.log"),
    group:
        AFTER_SEARCHES
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/msa.py"
