rule report:
    input:
        complexes=rules.complexes.output.complexes,
        scores=rules.scores.output.complexes,
        enrichment=rules.enrichment.output.enrichment,
        ledgers=ledgers,
    output:
        report=report(
            result("report.html"),
            caption="../workflow/report/report.rst",
            category="Report",
        ),
        figures=report(
            directory(result("figures")),
            patterns=["{name}.svg"],
            caption="../workflow/report/figures.rst",
            category="Figures",
            labels={"figure": "{name}"},
        ),
    params:
        section=SECTIONS["report"],
    log:
        result("logs/report.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/report.py"
