rule msa:
    input:
        sequences=rules.sequences.output.sequences,
        alignments=given(CONFIG.msa.directory),
    output:
        msa=result("03_msa.parquet"),
        files=directory(result("03_msa")),
    params:
        section=deciding("msa"),
    log:
        result("logs/msa.log"),
    group:
        "prepare"
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/msa.py"
