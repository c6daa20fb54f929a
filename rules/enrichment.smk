rule enrichment:
    input:
        scores=rules.scores.output.complexes,
        complexes=rules.complexes.output.complexes,
    output:
        enrichment=result("08_enrichment.parquet"),
    params:
        section=SECTIONS["enrichment"],
    log:
        result("logs/enrichment.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/enrichment.py"
