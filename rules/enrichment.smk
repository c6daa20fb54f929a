rule enrichment:
    input:
        scores=rules.scores.output.complexes,
        complexes=rules.complexes.output.complexes,
    output:
        enrichment=result("08_enrichment.parquet"),
    params:
        section=deciding("enrichment"),
    log:
        result("logs/enrichment.log"),
    group:
        "conclude"
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/enrichment.py"
