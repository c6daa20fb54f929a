if CONFIG.sequences.uniprot.fetch:

    localrules:
        complexes,
        sequences,


rule sequences:
    input:
        complexes=rules.complexes.output.complexes,
        fasta=given(*CONFIG.sequences.fasta),
        ligands=given(CONFIG.sequences.ligands),
    output:
        sequences=result("02_sequences.parquet"),
        unresolved=result("02_unresolved.parquet"),
    params:
        section=deciding("sequences"),
    log:
        result("logs/sequences.log"),
    group:
        UP_TO_SEQUENCES
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/sequences.py"
