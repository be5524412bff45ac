# choices of pictures on the demo -> counts -> plot and table


rule count_choices:
    input:
        choices=[f"{folder}/choices.parquet" for folder in IMAGE_RUNS],
        facts=f"<data>/{IMAGE_DATASET}/source/facts.parquet",
    output:
        counts="<results>/runs/choices.csv",
    log:
        "<logs>/count_choices.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        version=1,
        dataset=IMAGE_DATASET,
        weights=config["clip"]["weights"],
    shell:
        "hearsay --log {log:q} count_choices"
        " --choices {input.choices:q}"
        " --facts {input.facts:q}"
        " --dataset {params.dataset:q}"
        " --weights {params.weights:q}"
        " --counts {output.counts:q}"


rule plot_choices:
    input:
        counts="<results>/runs/choices.csv",
    output:
        svg=report(
            "<results>/plots/choices.svg",
            caption="../report/choices.rst",
            category="Plots",
            labels={"plot": "choices of pictures"},
        ),
        png="<results>/plots/choices.png",
        csv="<results>/tables/choices.csv",
        markdown=report(
            "<results>/tables/choices.md",
            caption="../report/choices.rst",
            category="Tables",
            labels={"table": "choices of pictures"},
        ),
        latex="<results>/tables/choices.tex",
    log:
        "<logs>/plot_choices.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=2,
        methods=METHODS,
    shell:
        "hearsay --log {log:q} plot_choices"
        " --counts {input.counts:q}"
        " --methods {params.methods:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"
