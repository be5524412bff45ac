# tables, plots, histories, hits and clips -> one page to read, look at and listen to


rule make_report_page:
    input:
        availability=expand(
            "<data>/{dataset}/availability.json",
            dataset=used_datasets(config),
        ),
        tables=PAGE_TABLES,
        layouts=PAGE_LAYOUTS,
        plots=PAGE_PLOTS,
        captions=PAGE_CAPTIONS,
        runs=[f"{folder}/run.json" for folder in RUNS],
        histories=HISTORIES,
        hits=[f"{folder}/hits.parquet" for folder in HEARD_RUNS],
        ranks=[f"{folder}/ranks.parquet" for folder in HEARD_RUNS],
        frames=[f"{folder}/grounding/frames.parquet" for folder in HEARD_GROUNDED],
        queries=[f"{folder}/grounding/queries.parquet" for folder in HEARD_GROUNDED],
        data=f"<data>/{TEXT_DATASET}/availability.json" if HEARD_RUNS else [],
        clips=HEARD_CLIPS,
        grounding_page=["<results>/report/grounding.html"] if GROUNDED else [],
    output:
        page="<results>/report/index.html",
    log:
        "<logs>/make_report_page.log",
    benchmark:
        "<benchmarks>/make_report_page.tsv"
    conda:
        "../../envs/hearsay.yaml"
    threads: 2
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        version=3,
        title=", ".join(used_datasets(config)),
        data=lambda wildcards, input: data_option("--data", input.data),
        methods=METHODS,
        hits=lambda wildcards, input: options("--hits", input.hits),
        ranks=lambda wildcards, input: options("--ranks", input.ranks),
        frames=lambda wildcards, input: options("--frames", input.frames),
        queries=lambda wildcards, input: options("--queries", input.queries),
        grounding_page=lambda wildcards, input: option(
            "--grounding-page", input.grounding_page
        ),
    shell:
        "hearsay --log {log:q} make_report_page"
        " --availability {input.availability:q}"
        " --tables {input.tables:q}"
        " --plots {input.plots:q}"
        " --captions {input.captions:q}"
        " --runs {input.runs:q}"
        " {params.hits:q}"
        " {params.ranks:q}"
        " {params.frames:q}"
        " {params.queries:q}"
        " --title {params.title:q}"
        " {params.data:q}"
        " --methods {params.methods:q}"
        " {params.grounding_page:q}"
        " --page {output.page:q}"
