checkpoint plan:
    input:
        tokens=rules.tokens.output.tokens,
        gpus=given(CONFIG.plan.gpus),
    output:
        plan=result("05_plan.parquet"),
        rejected=result("05_rejected.parquet"),
    params:
        section=deciding("plan"),
        workload=asdict(Workload.of(CONFIG.predict)),
    log:
        result("logs/plan.log"),
    group:
        AFTER_SEARCHES
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/plan.py"
