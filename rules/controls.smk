rule controls:
    input:
        *given(*CONFIG.complexes.files, *CONFIG.controls.known_partners),
        complexes=rules.complexes.output.complexes,
        sequences=rules.sequences.output.sequences,
        unresolved=rules.sequences.output.unresolved,
        msa=rules.msa.output.msa,
    output:
        controls=result("03_controls.parquet"),
        rejected=result("03_rejected.parquet"),
    params:
        section=deciding("controls"),
        seed=CONFIG.seed,
    log:
        result("logs/controls.log"),
    group:
        AFTER_SEARCHES
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/controls.py"
