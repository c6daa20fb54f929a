checkpoint plan:
    input:
        tokens=rules.tokens.output.tokens,
        gpus=given(CONFIG.plan.gpus),
    output:
        plan=result("05_plan.parquet"),
        rejected=result("05_rejected.parquet"),
    params:
        section=SECTIONS["plan"],
        workload=SECTIONS["predict"],
    log:
        result("logs/plan.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/plan.py"
