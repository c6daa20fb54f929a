rule tokens:
    input:
        complexes=rules.complexes.output.complexes,
        sequences=rules.sequences.output.sequences,
        unresolved=rules.sequences.output.unresolved,
        msa=rules.msa.output.msa,
    output:
        tokens=result("04_tokens.parquet"),
        rejected=result("04_rejected.parquet"),
    params:
        section=SECTIONS["sequences"],
    log:
        result("logs/tokens.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/tokens.py"
