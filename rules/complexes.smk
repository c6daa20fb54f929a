rule complexes:
    input:
        given(*CONFIG.complexes.files, *files_at_hand(CONFIG.complexes.templates)),
    output:
        complexes=result("01_complexes.parquet"),
        rejected=result("01_rejected.parquet"),
    params:
        section=deciding("complexes"),
    log:
        result("logs/complexes.log"),
    group:
        UP_TO_SEQUENCES
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/complexes.py"
