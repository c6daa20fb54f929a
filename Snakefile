"""The campaign, in the order data flows through it. `config/README.md` explains the configuration."""

from snakemake.utils import min_version

min_version("9.5")


# A configuration given with --configfile stands alone; nothing is mixed into it.
if not workflow.overwrite_configfiles:

    configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/complexes.smk"
include: "rules/sequences.smk"
include: "rules/msa.smk"
include: "rules/controls.smk"
include: "rules/tokens.smk"
include: "rules/plan.smk"
include: "rules/predict.smk"
include: "rules/scores.smk"
include: "rules/enrichment.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        result("report.html"),
