rule scores:
    input:
        ledgers=ledgers,
        tokens=rules.tokens.output.tokens,
    output:
        complexes=result("07_scores/complexes.parquet"),
        chains=result("07_scores/chains.parquet"),
        interfaces=result("07_scores/interfaces.parquet"),
        failed=result("07_scores/failed.parquet"),
    log:
        result("logs/scores.log"),
    group:
        "conclude"
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/scores.py"
