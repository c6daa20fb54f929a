rule scores:
    input:
        ledger=rules.predict.output.ledger,
        tokens=rules.tokens.output.tokens,
        plan=rules.plan.output.plan,
    output:
        samples=result("07_scores/samples/bin={bin}/part.parquet"),
        complexes=result("07_scores/complexes/bin={bin}/part.parquet"),
        chains=result("07_scores/chains/bin={bin}/part.parquet"),
        interfaces=result("07_scores/interfaces/bin={bin}/part.parquet"),
        failed=result("07_scores/failed/bin={bin}/part.parquet"),
    threads: 2
    log:
        result("logs/scores/{bin}.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/scores.py"
