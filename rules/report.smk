rule report:
    input:
        complexes=rules.complexes.output.complexes,
        scores=rules.scores.output.complexes,
        enrichment=rules.enrichment.output.enrichment,
        ledgers=ledgers,
    output:
        report=result("report.html"),
    params:
        section=SECTIONS["report"],
    log:
        result("logs/report.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/report.py"
