# The sweep: the rules from the demo to its scores once a value, as modules whose names begin
# with it (disagreement_0_25_train_run); then one table and one plot of all values.

for label, value in SWEPT.items():
    at_value = module_name(label)

    module:
        name: at_value
        pathvars:
            results=workflow.pathvars.apply(f"<results>/disagreement/{label}"),
            encoders=workflow.pathvars.apply("<encoders>"),
            data=workflow.pathvars.apply(f"<results>/disagreement/{label}/data"),
        snakefile:
            "at_disagreement.smk"
        config:
            at_disagreement(config, value)

    # The towers are the main workflow's, so that they are the same at every value.
    use rule * from at_value exclude draw_corpus, prepare_clip as at_value*


rule make_table_disagreement:
    input:
        scores=swept_tables("scores.csv"),
        comparisons=swept_tables("comparisons.csv") if SWEPT_REFERENCE else [],
    output:
        csv="<results>/tables/disagreement.csv",
        markdown=report(
            "<results>/tables/disagreement.md",
            caption="../report/disagreement.rst",
            category="Tables",
            labels={"table": "recall against disagreement"},
        ),
        latex="<results>/tables/disagreement.tex",
    log:
        "<logs>/make_table_disagreement.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=2,
        disagreements=list(SWEPT),
        comparisons=lambda wildcards, input: options("--comparisons", input.comparisons),
        reference=option("--reference", SWEPT_REFERENCE),
        methods=config["sweep"]["methods"],
    shell:
        "hearsay --log {log:q} make_table_disagreement"
        " --disagreements {params.disagreements:q}"
        " --scores {input.scores:q}"
        " {params.comparisons:q}"
        " {params.reference:q}"
        " --methods {params.methods:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule plot_disagreement:
    input:
        table="<results>/tables/disagreement.csv",
    output:
        svg=report(
            "<results>/plots/disagreement.svg",
            caption="../report/disagreement.rst",
            category="Plots",
            labels={"plot": "recall against disagreement"},
        ),
        png="<results>/plots/disagreement.png",
    log:
        "<logs>/plot_disagreement.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
        methods=config["sweep"]["methods"],
    shell:
        "hearsay --log {log:q} plot_disagreement"
        " --table {input.table:q}"
        " --methods {params.methods:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"
