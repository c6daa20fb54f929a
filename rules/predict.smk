# A local rule: it only submits the bin's job array through submitit and follows it.
localrules:
    predict,


if workflow.output_settings.dryrun:
    from foldcp.campaign.forecast import forecast

    try:
        print(forecast(CONFIG.results, CONFIG), file=sys.stderr)
    except FoldcpError as error:
        print(f"no forecast: {error}", file=sys.stderr)


rule predict:
    input:
        plan=rules.plan.output.plan,
        tokens=rules.tokens.output.tokens,
        sequences=rules.sequences.output.sequences,
        msa=rules.msa.output.msa,
    output:
        ledger=result("06_ledger/{bin}.parquet"),
        attempts=result("06_attempts/{bin}.parquet"),
    params:
        section=deciding("predict"),
        pairing=deciding("msa", "pairing", "max_rows", "max_paired"),
        campaign=CONFIG.campaign,
        seed=CONFIG.seed,
    # It tries again by itself what deserves it (predict.attempts).
    retries: 0
    log:
        result("logs/predict/{bin}.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/predict.py"
