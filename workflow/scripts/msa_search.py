"""One batch of sequences in, their alignments into the cache."""

from foldcp.campaign.msa import search
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("msa_search", snakemake.log[0]) as say:
    table = read_table(snakemake.input.batches, schemas.MSA_BATCHES)
    memory = snakemake.resources.get("mem_mb") or config.msa.mmseqs.memory_mb
    mmseqs = config.msa.mmseqs.model_copy(update={"threads": snakemake.threads, "memory_mb": memory})
    settings = config.msa.model_copy(update={"mmseqs": mmseqs})
    failed = search(table, snakemake.wildcards.batch, settings)
    origin = Provenance.of_files(*snakemake.input, config_sha256=config.sha256("msa"))
    write_table(snakemake.output.failed, schemas.MSA_FAILED, failed, origin)
    say(f"batch {snakemake.wildcards.batch} is searched; {failed.num_rows} sequences failed")
    for row in failed.to_pylist():
        say(f"{row['sha256']}: {row['reason']}")
