# Table of contents of the workflow; docs/design.md says what lies where and why.

from snakemake.utils import min_version

min_version("9.0")


configfile: "config.yaml"


pathvars:
    results="results",
    logs="<results>/logs",
    benchmarks="<results>/benchmarks",
    encoders="<results>/encoders",
    data="<results>/data",


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/clip_inputs.smk"
include: "workflow/rules/run_inputs.smk"
include: "workflow/rules/targets.smk"
include: "workflow/rules/asked_files.smk"


rule all:
    """The default run: every table and plot."""
    default_target: True
    input:
        sorted(ALL_FILES),


rule data:
    """Index, clips, sound and pictures of the data sets in use, and what became of every clip."""
    input:
        sorted(DATA_FILES),


rule features:
    """Filter banks, their statistics, and the embeddings of the frozen towers."""
    input:
        sorted(FEATURE_FILES),


rule runs:
    """Every method and seed, trained and scored."""
    input:
        sorted(RUN_FILES),


rule tables:
    """Tables and plots from the score files alone; needs no data and no checkpoint."""
    input:
        TABLES,


rule disagreement:
    """The sweep: recall against the disagreement of pictures and sounds in the demo."""
    input:
        DISAGREEMENT,


include: "workflow/rules/clips.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/words.smk"
include: "workflow/rules/label_features.smk"
include: "workflow/rules/benchmark.smk"
include: "workflow/rules/grounding.smk"
include: "workflow/rules/labels.smk"
include: "workflow/rules/choices.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/grounding_report.smk"
include: "workflow/rules/label_report.smk"
include: "workflow/rules/report_page.smk"
include: "workflow/rules/disagreement.smk"
include: "workflow/rules/search.smk"
