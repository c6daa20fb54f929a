rule sequences:
    input:
        complexes=rules.complexes.output.complexes,
        fasta=given(*CONFIG.sequences.fasta),
        ligands=given(CONFIG.sequences.ligands),
    output:
        sequences=result("02_sequences.parquet"),
        unresolved=result("02_unresolved.parquet"),
    params:
        section=SECTIONS["sequences"],
    log:
        result("logs/sequences.log"),
    conda:
        "../envs/foldcp.yaml"
    script:
        "../workflow/scripts/sequences.py"
