rule tokens:
    input:
        complexes=rules.complexes.output.complexes,
        controls=rules.controls.output.controls,
        sequences=rules.sequences.output.sequences,
        unresolved=rules.sequences.output.unresolved,
        msa=rules.msa.output.msa,
    output:
        tokens=result("04_tokens.parquet"),
        rejected=result("04_rejected.parquet"),
    params:
        section=deciding("sequences"),
        pairing=deciding("msa", "pairing", "max_rows", "max_paired"),
    log:
        result("logs/tokens.log"),
    group:
        AFTER_SEARCHES
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/tokens.py"
