"""Token counts in, bins, meshes and shards out."""

from foldcp.campaign.scores import forget_other_bins
from foldcp.campaign.stage import stage
from foldcp.config import parse
from foldcp.plan import Workload, coverage, make_plan, render
from foldcp.plan.coverage import cut_line
from foldcp.tables import Provenance, read_table, schemas, write_table

config = parse(snakemake.config)
with stage("plan", snakemake.log[0]) as say:
    tokens = read_table(snakemake.input.tokens, schemas.TOKENS)
    got = make_plan(tokens, config.plan, Workload.of(config.predict))
    origin = Provenance.of_files(*snakemake.input, config_sha256=config.sha256("plan", "predict"))
    write_table(snakemake.output.plan, schemas.PLAN, got.plan, origin)
    write_table(snakemake.output.rejected, schemas.REJECTED, got.rejected, origin)
    forget_other_bins(config.results / "07_scores", set(got.plan["bin"].to_pylist()))
    if got.plan.num_rows:
        say("\n" + render(coverage(tokens, got.plan)))
    if cut := cut_line(got.plan):
        say(cut)
    say(f"{got.plan.num_rows} predictions planned, {got.rejected.num_rows} complexes rejected")
