# A local rule: it only submits the bin's job array through submitit and follows it.
localrules:
    predict,


rule predict:
    input:
        plan=rules.plan.output.plan,
        tokens=rules.tokens.output.tokens,
        sequences=rules.sequences.output.sequences,
        msa=rules.msa.output.msa,
    output:
        ledger=result("06_ledger/{bin}.parquet"),
    params:
        section=SECTIONS["predict"],
        seed=CONFIG.seed,
    log:
        result("logs/predict/{bin}.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/predict.py"
