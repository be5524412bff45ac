# retrieval among candidates and phrase grounding -> tables, plots and a page of all test clips

WORD_ALIGN = [
    method for method in METHODS if config["methods"][method]["family"] == "word_align"
]
# The family that these tables are about stands first.
WORD_METHODS = WORD_ALIGN + [method for method in METHODS if method not in WORD_ALIGN]
TEXT_RUNS = [folder for folder in RUNS if Path(folder).name == "audio_text"]
LOSS_RUNS = [folder for folder in TEXT_RUNS if Path(folder).parts[-3] in WORD_ALIGN]
SHOWN_RUN = [
    folder
    for method in WORD_METHODS
    for folder in GROUNDED
    if Path(folder).parts[-3] == method
][:1]


rule make_table_phrases:
    input:
        availability=f"<data>/{TEXT_DATASET}/availability.json",
        found=f"<data>/{TEXT_DATASET}/availability.parquet",
        captions=f"<data>/{TEXT_DATASET}/index/captions.parquet",
        phrases=f"<data>/{TEXT_DATASET}/index/phrases.parquet",
    output:
        csv="<results>/tables/table_phrases.csv",
        markdown=report(
            "<results>/tables/table_phrases.md",
            caption="../report/table_phrases.rst",
            category="Tables",
            labels={"table": "Xie 1: captions and phrases, listed and found"},
        ),
        latex="<results>/tables/table_phrases.tex",
    log:
        "<logs>/make_table_phrases.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
        data=subpath(input.availability, parent=True),
    shell:
        "hearsay --log {log:q} make_table_phrases"
        " --data {params.data:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule make_table_captions:
    input:
        scores="<results>/tables/scores.csv",
        runs=[f"{folder}/run.json" for folder in TEXT_RUNS],
        ranks=[f"{folder}/ranks.parquet" for folder in TEXT_RUNS],
    output:
        csv="<results>/tables/table_captions.csv",
        markdown=report(
            "<results>/tables/table_captions.md",
            caption="../report/table_captions.rst",
            category="Tables",
            labels={"table": "Xie 2: among 30 candidates, by loss"},
        ),
        latex="<results>/tables/table_captions.tex",
    log:
        "<logs>/make_table_captions.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=3,
        methods=WORD_METHODS,
    shell:
        "hearsay --log {log:q} make_table_captions"
        " --scores {input.scores:q}"
        " --runs {input.runs:q}"
        " --methods {params.methods:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule make_table_grounding:
    input:
        scores="<results>/tables/scores.csv",
        queries=[f"{folder}/grounding/queries.parquet" for folder in GROUNDED],
        controls=f"{CONTROLS_FOLDER}/queries.parquet",
    output:
        csv="<results>/tables/table_grounding.csv",
        markdown=report(
            "<results>/tables/table_grounding.md",
            caption="../report/table_grounding.rst",
            category="Tables",
            labels={"table": "phrase grounding"},
        ),
        latex="<results>/tables/table_grounding.tex",
    log:
        "<logs>/make_table_grounding.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=2,
        methods=WORD_METHODS,
    shell:
        "hearsay --log {log:q} make_table_grounding"
        " --scores {input.scores:q}"
        " --queries {input.queries:q} {input.controls:q}"
        " --methods {params.methods:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule plot_grounding:
    input:
        curves=[f"{folder}/grounding/curves.parquet" for folder in GROUNDED],
        controls=f"{CONTROLS_FOLDER}/curves.parquet",
    output:
        svg=report(
            "<results>/plots/grounding_{part}.svg",
            caption="../report/grounding.rst",
            category="Plots",
            labels={"plot": "grounding against the threshold, {part}"},
        ),
        png="<results>/plots/grounding_{part}.png",
    log:
        "<logs>/plot_grounding/{part}.log",
    wildcard_constraints:
        part="all|heard|non_trivial|several_events",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
        methods=WORD_METHODS,
    shell:
        "hearsay --log {log:q} plot_grounding"
        " --curves {input.curves:q} {input.controls:q}"
        " --part {wildcards.part:q}"
        " --methods {params.methods:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"


rule plot_losses:
    input:
        scores="<results>/tables/scores.csv",
        runs=[f"{folder}/run.json" for folder in LOSS_RUNS],
    output:
        svg=report(
            "<results>/plots/losses.svg",
            caption="../report/losses.rst",
            category="Plots",
            labels={"plot": "comparison of losses"},
        ),
        png="<results>/plots/losses.png",
    log:
        "<logs>/plot_losses.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
        methods=WORD_METHODS,
    shell:
        "hearsay --log {log:q} plot_losses"
        " --scores {input.scores:q}"
        " --runs {input.runs:q}"
        " --methods {params.methods:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"


rule plot_alignment:
    input:
        frames=[f"{folder}/grounding/frames.parquet" for folder in SHOWN_RUN],
        queries=[f"{folder}/grounding/queries.parquet" for folder in SHOWN_RUN],
        captions=f"<data>/{TEXT_DATASET}/index/captions.parquet",
        logmel=per_shard("<data>/{dataset}/logmel/{shard}.npy", TEXT_DATASET),
    output:
        svg=report(
            "<results>/plots/alignment.svg",
            caption="../report/alignment.rst",
            category="Plots",
            labels={"plot": "phrases over the log-mel"},
        ),
        png="<results>/plots/alignment.png",
    log:
        "<logs>/plot_alignment.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=20,
    params:
        version=1,
        low_freq_hz=config["features"]["logmel"]["low_freq_hz"],
        high_freq_hz=config["features"]["logmel"]["high_freq_hz"],
    shell:
        "hearsay --log {log:q} plot_alignment"
        " --frames {input.frames:q}"
        " --queries {input.queries:q}"
        " --captions {input.captions:q}"
        " --logmel {input.logmel:q}"
        " --low-freq-hz {params.low_freq_hz:q}"
        " --high-freq-hz {params.high_freq_hz:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"


rule make_page_grounding:
    input:
        frames=[f"{folder}/grounding/frames.parquet" for folder in SHOWN_RUN],
        queries=[f"{folder}/grounding/queries.parquet" for folder in SHOWN_RUN],
        captions=f"<data>/{TEXT_DATASET}/index/captions.parquet",
    output:
        page=report(
            "<results>/report/grounding.html",
            caption="../report/grounding_page.rst",
            category="Plots",
            labels={"plot": "all test clips: phrases in time"},
        ),
    log:
        "<logs>/make_page_grounding.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
        dataset=TEXT_DATASET,
    shell:
        "hearsay --log {log:q} make_page_grounding"
        " --frames {input.frames:q}"
        " --queries {input.queries:q}"
        " --captions {input.captions:q}"
        " --dataset {params.dataset:q}"
        " --page {output.page:q}"
