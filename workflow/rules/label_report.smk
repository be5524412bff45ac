# what tells labels apart -> tables, plots and lists; targets.smk says which of them there are

LABEL_CELLS = [f"{folder}/cells.parquet" for folder in LABEL_RUNS] + [
    str(Path(scores).with_name("cells.parquet")) for scores in LABEL_CONTROLS
]
LABEL_RECORDS = [f"{folder}/run.json" for folder in LABEL_RUNS]
SHOWN_LABEL_RUN = LABEL_RUNS[:1]  # of the first method of config, with its first seed


rule make_table_labels:
    input:
        scores="<results>/tables/scores.csv",
        cells=LABEL_CELLS,
        runs=LABEL_RECORDS,
    output:
        csv="<results>/tables/table_labels.csv",
        markdown=report(
            "<results>/tables/table_labels.md",
            caption="../report/table_labels.rst",
            category="Tables",
            labels={"table": "Elizalde 2: labels told apart"},
        ),
        latex="<results>/tables/table_labels.tex",
    log:
        "<logs>/make_table_labels.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=2,
        methods=LABEL_METHODS,
    shell:
        "hearsay --log {log:q} make_table_labels"
        " --scores {input.scores:q}"
        " --cells {input.cells:q}"
        " --runs {input.runs:q}"
        " --methods {params.methods:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule make_table_nearest:
    input:
        embeddings=[f"{folder}/embeddings.parquet" for folder in SHOWN_LABEL_RUN],
        record=[f"{folder}/run.json" for folder in SHOWN_LABEL_RUN],
    output:
        csv="<results>/tables/table_nearest.csv",
        markdown=report(
            "<results>/tables/table_nearest.md",
            caption="../report/table_nearest.rst",
            category="Tables",
            labels={"table": "Elizalde: what lies nearest"},
        ),
        latex="<results>/tables/table_nearest.tex",
    log:
        "<logs>/make_table_nearest.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=1,
    shell:
        "hearsay --log {log:q} make_table_nearest"
        " --embeddings {input.embeddings:q}"
        " --record {input.record:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule plot_label_map:
    input:
        embeddings=[f"{folder}/embeddings.parquet" for folder in SHOWN_LABEL_RUN],
        record=[f"{folder}/run.json" for folder in SHOWN_LABEL_RUN],
    output:
        svg=report(
            "<results>/plots/label_map.svg",
            caption="../report/label_map.rst",
            category="Plots",
            labels={"plot": "map of clips and labels, before and after"},
        ),
        png="<results>/plots/label_map.png",
    log:
        "<logs>/plot_label_map.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=1,
    shell:
        "hearsay --log {log:q} plot_label_map"
        " --embeddings {input.embeddings:q}"
        " --record {input.record:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"


rule make_table_pair_losses:
    input:
        scores="<results>/tables/scores.csv",
        cells=LABEL_CELLS,
        runs=LABEL_RECORDS,
    output:
        csv="<results>/tables/table_pair_losses.csv",
        markdown=report(
            "<results>/tables/table_pair_losses.md",
            caption="../report/table_pair_losses.rst",
            category="Tables",
            labels={"table": "Elizalde 1: losses and measures"},
        ),
        latex="<results>/tables/table_pair_losses.tex",
    log:
        "<logs>/make_table_pair_losses.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=2,
    shell:
        "hearsay --log {log:q} make_table_pair_losses"
        " --scores {input.scores:q}"
        " --cells {input.cells:q}"
        " --runs {input.runs:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule make_table_label_sweep:
    input:
        scores="<results>/tables/scores.csv",
        cells=LABEL_CELLS,
        runs=LABEL_RECORDS,
    output:
        csv="<results>/tables/sweep_{option}.csv",
        markdown=report(
            "<results>/tables/sweep_{option}.md",
            caption="../report/label_sweep.rst",
            category="Tables",
            labels={"table": "joint embeddings by {option}"},
        ),
        latex="<results>/tables/sweep_{option}.tex",
    log:
        "<logs>/make_table_label_sweep/{option}.log",
    wildcard_constraints:
        option="text_noise|num_pairs",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=2,
    shell:
        "hearsay --log {log:q} make_table_label_sweep"
        " --scores {input.scores:q}"
        " --cells {input.cells:q}"
        " --runs {input.runs:q}"
        " --option {wildcards.option:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule plot_label_sweep:
    input:
        scores="<results>/tables/scores.csv",
        cells=LABEL_CELLS,
        runs=LABEL_RECORDS,
    output:
        svg=report(
            "<results>/plots/sweep_{option}.svg",
            caption="../report/label_sweep.rst",
            category="Plots",
            labels={"plot": "joint embeddings by {option}"},
        ),
        png="<results>/plots/sweep_{option}.png",
    log:
        "<logs>/plot_label_sweep/{option}.log",
    wildcard_constraints:
        option="text_noise|num_pairs",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=1,
    shell:
        "hearsay --log {log:q} plot_label_sweep"
        " --scores {input.scores:q}"
        " --cells {input.cells:q}"
        " --runs {input.runs:q}"
        " --option {wildcards.option:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"
