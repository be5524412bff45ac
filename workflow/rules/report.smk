# scores -> tables and plots


rule collect_scores:
    input:
        scores=SCORES,
    output:
        table="<results>/tables/scores.csv",
    log:
        "<logs>/collect_scores.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
    shell:
        "hearsay --log {log:q} collect_scores"
        " --scores {input.scores:q}"
        " --table {output.table:q}"


rule compare_methods:
    input:
        scores=[f"{folder}/scores.json" for folder in RETRIEVAL_RUNS],
        ranks=[f"{folder}/ranks.parquet" for folder in RETRIEVAL_RUNS],
    output:
        csv="<results>/tables/comparisons.csv",
        markdown=report(
            "<results>/tables/comparisons.md",
            caption="../report/comparisons.rst",
            category="Tables",
            labels={"table": "comparisons with the reference"},
        ),
        latex="<results>/tables/comparisons.tex",
    log:
        "<logs>/compare_methods.log",
    benchmark:
        "<benchmarks>/compare_methods.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        version=2,
        reference=REFERENCE,
        methods=METHODS,
        num_resamples=config["benchmark"]["comparison_resamples"],
    shell:
        "hearsay --log {log:q} compare_methods"
        " --scores {input.scores:q}"
        " --reference {params.reference:q}"
        " --methods {params.methods:q}"
        " --num-resamples {params.num_resamples:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule make_table_clips:
    input:
        availability=expand(
            "<data>/{dataset}/availability.json",
            dataset=used_datasets(config),
        ),
    output:
        csv="<results>/tables/table_2.csv",
        markdown=report(
            "<results>/tables/table_2.md",
            caption="../report/table_2.rst",
            category="Tables",
            labels={"table": "II: clips listed and found"},
        ),
        latex="<results>/tables/table_2.tex",
    log:
        "<logs>/make_table_clips.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=2,
    shell:
        "hearsay --log {log:q} make_table_clips"
        " --availability {input.availability:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule plot_availability:
    input:
        availability=expand(
            "<data>/{dataset}/availability.json",
            dataset=used_datasets(config),
        ),
    output:
        svg=report(
            "<results>/plots/availability.svg",
            caption="../report/availability.rst",
            category="Plots",
            labels={"plot": "clips listed and found"},
        ),
        png="<results>/plots/availability.png",
    log:
        "<logs>/plot_availability.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
    shell:
        "hearsay --log {log:q} plot_availability"
        " --availability {input.availability:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"


rule make_table_audio_image:
    input:
        scores="<results>/tables/scores.csv",
        comparisons=COMPARISONS,
    output:
        csv="<results>/tables/table_3.csv",
        markdown=report(
            "<results>/tables/table_3.md",
            caption="../report/table_3.rst",
            category="Tables",
            labels={"table": "III: audio-image retrieval"},
        ),
        latex="<results>/tables/table_3.tex",
    log:
        "<logs>/make_table_audio_image.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=4,
        comparisons=lambda wildcards, input: option("--comparisons", input.comparisons),
        methods=METHODS,
    shell:
        "hearsay --log {log:q} make_table_audio_image"
        " --scores {input.scores:q}"
        " {params.comparisons:q}"
        " --methods {params.methods:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule make_table_audio_text:
    input:
        scores="<results>/tables/scores.csv",
        comparisons=COMPARISONS,
    output:
        csv="<results>/tables/table_4.csv",
        markdown=report(
            "<results>/tables/table_4.md",
            caption="../report/table_4.rst",
            category="Tables",
            labels={"table": "IV: audio-text retrieval"},
        ),
        latex="<results>/tables/table_4.tex",
    log:
        "<logs>/make_table_audio_text.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=4,
        comparisons=lambda wildcards, input: option("--comparisons", input.comparisons),
        methods=METHODS,
    shell:
        "hearsay --log {log:q} make_table_audio_text"
        " --scores {input.scores:q}"
        " {params.comparisons:q}"
        " --methods {params.methods:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"


rule make_table_systems:
    input:
        scores="<results>/tables/scores.csv",
        reasons=[
            f"{folder}/other_tasks/reasons.json"
            for folder in LAST_RUNS
            if Path(folder).parts[-2] == f"seed{SEEDS[0]}"
        ],
    output:
        csv="<results>/tables/systems_by_tasks.csv",
        markdown=report(
            "<results>/tables/systems_by_tasks.md",
            caption="../report/systems.rst",
            category="Tables",
            labels={"table": "every system on every task"},
        ),
        latex="<results>/tables/systems_by_tasks.tex",
        svg=report(
            "<results>/plots/systems_by_tasks.svg",
            caption="../report/systems.rst",
            category="Plots",
            labels={"plot": "every system on every task"},
        ),
        png="<results>/plots/systems_by_tasks.png",
    log:
        "<logs>/make_table_systems.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=4,
        not_asked=json.dumps(NOT_ASKED),
        methods=METHODS,
    shell:
        "hearsay --log {log:q} make_table_systems"
        " --scores {input.scores:q}"
        " --reasons {input.reasons:q}"
        " --not-asked {params.not_asked:q}"
        " --methods {params.methods:q}"
        " --csv {output.csv:q}"
        " --markdown {output.markdown:q}"
        " --latex {output.latex:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"


rule plot_recall:
    input:
        scores="<results>/tables/scores.csv",
    output:
        svg=report(
            "<results>/plots/recall_{task}.svg",
            caption="../report/recall.rst",
            category="Plots",
            labels={"plot": "recall, {task}"},
        ),
        png="<results>/plots/recall_{task}.png",
    log:
        "<logs>/plot_recall/{task}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=2,
        methods=METHODS,
    shell:
        "hearsay --log {log:q} plot_recall"
        " --scores {input.scores:q}"
        " --task {wildcards.task:q}_retrieval"
        " --methods {params.methods:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"


rule plot_training:
    input:
        histories=HISTORIES,
    output:
        svg=report(
            "<results>/plots/training.svg",
            caption="../report/training.rst",
            category="Plots",
            labels={"plot": "training curves"},
        ),
        png="<results>/plots/training.png",
    log:
        "<logs>/plot_training.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=2,
        methods=METHODS,
    shell:
        "hearsay --log {log:q} plot_training"
        " --histories {input.histories:q}"
        " --methods {params.methods:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"


rule plot_clips:
    input:
        images=f"<data>/{IMAGE_DATASET}/images/00000.parquet",
        fbank=f"<data>/{IMAGE_DATASET}/fbank/00000.npy",
        index=f"<data>/{IMAGE_DATASET}/fbank/00000.parquet",
        captions=f"<data>/{IMAGE_DATASET}/index/captions.parquet",
        phrases=f"<data>/{IMAGE_DATASET}/index/phrases.parquet",
    output:
        svg=report(
            "<results>/plots/clips.svg",
            caption="../report/clips.rst",
            category="Plots",
            labels={"plot": "a few clips"},
        ),
        png="<results>/plots/clips.png",
    log:
        "<logs>/plot_clips.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=20,
    params:
        version=1,
        number=4,
        frame_shift_ms=config["features"]["fbank"]["frame_shift_ms"],
    shell:
        "hearsay --log {log:q} plot_clips"
        " --images {input.images:q}"
        " --fbank {input.fbank:q}"
        " --fbank-index {input.index:q}"
        " --captions {input.captions:q}"
        " --phrases {input.phrases:q}"
        " --number {params.number:q}"
        " --frame-shift-ms {params.frame_shift_ms:q}"
        " --svg {output.svg:q}"
        " --png {output.png:q}"
