# annotations -> index -> clips -> audio and images, and the record of every clip


rule make_demo:
    output:
        clips="<data>/{dataset}/source/clips.parquet",
        captions="<data>/{dataset}/source/captions.parquet",
        phrases="<data>/{dataset}/source/phrases.parquet",
        facts="<data>/{dataset}/source/facts.parquet",
    log:
        "<logs>/make_demo/{dataset}.log",
    benchmark:
        "<benchmarks>/make_demo/{dataset}.tsv"
    priority: 4  # takes all cores: else it would wait until none is busy
    conda:
        "../../envs/hearsay.yaml"
    threads: 8
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=1,
        folder=subpath(output.clips, parent=True),
        num_clips=dataset_option("num_clips"),
        clip_duration_s=dataset_option("clip_duration_s"),
        options=dataset_options("demo"),
    shell:
        "hearsay --log {log:q} make_demo"
        " --folder {params.folder:q}"
        " --num-clips {params.num_clips:q}"
        " --clip-duration-s {params.clip_duration_s:q}"
        " --options {params.options:q}"
        " --num-workers {threads}"


rule fetch_annotations:
    input:
        annotation_files,
    output:
        file="<data>/{dataset}/annotations/{split}.{suffix}",
    log:
        "<logs>/fetch_annotations/{dataset}/{split}.{suffix}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        access=fetch_access,
        mem_mb=1000,
        runtime=60,
    params:
        version=1,
        options=annotation_options,
    shell:
        "hearsay --log {log:q} fetch_annotations"
        " --options {params.options:q}"
        " --access {resources.access:q}"
        " --file {output.file:q}"


rule fetch_archive:
    input:
        archive_files,
    output:
        summary="<data>/{dataset}/archive.json",
    log:
        "<logs>/fetch_archive/{dataset}.log",
    benchmark:
        "<benchmarks>/fetch_archive/{dataset}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        access=fetch_access,
        mem_mb=1000,
        runtime=720,
    params:
        version=1,
        # Undeclared, as media are: parts of archives outlive a failure, and the next start goes on.
        archives=lambda _, output: str(Path(output.summary).with_name("archives")),
        folder=subpath(output.summary, strip_suffix=".json"),
        options=archive_options,
    shell:
        "hearsay --log {log:q} fetch_archive"
        " --options {params.options:q}"
        " --access {resources.access:q}"
        " --archives {params.archives:q}"
        " --folder {params.folder:q}"
        " --summary {output.summary:q}"


rule build_index:
    input:
        reader_inputs,
        excluded_clips=excluded_indexes,
    output:
        clips="<data>/{dataset}/index/clips.parquet",
        captions="<data>/{dataset}/index/captions.parquet",
        phrases="<data>/{dataset}/index/phrases.parquet",
    log:
        "<logs>/build_index/{dataset}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        version=index_version,
        reader=dataset_option("reader"),
        source=reader_source,
        options=reader_options,
        num_clips=dataset_option("num_clips"),
        shuffle_seed=dataset_option("shuffle_seed"),
        exclude=exclude_options,
    shell:
        "hearsay --log {log:q} build_index"
        " --dataset {wildcards.dataset:q}"
        " --reader {params.reader:q}"
        " --source {params.source:q}"
        " --num-clips {params.num_clips:q}"
        " --shuffle-seed {params.shuffle_seed:q}"
        " --clips {output.clips:q}"
        " --captions {output.captions:q}"
        " --phrases {output.phrases:q}"
        " {params.options:q}"
        " {params.exclude:q}"


rule fetch_clips:
    input:
        clips="<data>/{dataset}/index/clips.parquet",
    output:
        status="<data>/{dataset}/clips/{shard}.status.parquet",
    log:
        "<logs>/fetch_clips/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/fetch_clips/{dataset}/{shard}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        # A resource, since it changes no result: another rate or proxy re-runs nothing.
        access=fetch_access,
        fetching=1,  # how many shards at once: a profile may limit it
        mem_mb=2000,
        runtime=lambda wildcards: fetch_minutes(config, wildcards.dataset),
    params:
        version=1,
        # Written by `hearsay retry-clips`; another mark looks through the shard again.
        retry=retry_mark,
        shard_size=dataset_option("shard_size"),
        options=fetch_options,
        serve=serve_option,
        archive=archive_folder,
        # Media lie in an undeclared folder: Snakemake would delete a declared one on failure.
        media_folder=subpath(output.status, strip_suffix=".status.parquet"),
        run_folder=subpath(input.clips, ancestor=3),
    shell:
        "hearsay --log {log:q} fetch_clips"
        " --clips {input.clips:q}"
        " --shard {wildcards.shard:q}"
        " --shard-size {params.shard_size:q}"
        " --media-folder {params.media_folder:q}"
        " --status {output.status:q}"
        " --options {params.options:q}"
        " --access {resources.access:q}"
        " --run-folder {params.run_folder:q}"
        " {params.serve:q}"
        " {params.archive:q}"
        " --num-workers 2"


rule decode_clips:
    input:
        clips="<data>/{dataset}/index/clips.parquet",
        fetch_status="<data>/{dataset}/clips/{shard}.status.parquet",
    output:
        audio="<data>/{dataset}/audio/{shard}.parquet",
        images="<data>/{dataset}/images/{shard}.parquet",
        status="<data>/{dataset}/decode/{shard}.status.parquet",
    log:
        "<logs>/decode_clips/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/decode_clips/{dataset}/{shard}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=2,
        shard_size=dataset_option("shard_size"),
        options=dataset_options(
            None,
            "clip_duration_s",
            "sample_rate_hz",
            "num_images",
            "image_size_px",
            "min_duration_s",
            "min_peak_dbfs",
        ),
    shell:
        "hearsay --log {log:q} decode_clips"
        " --clips {input.clips:q}"
        " --shard {wildcards.shard:q}"
        " --shard-size {params.shard_size:q}"
        " --fetch-status {input.fetch_status:q}"
        " --audio {output.audio:q}"
        " --images {output.images:q}"
        " --status {output.status:q}"
        " --options {params.options:q}"
        " --num-workers {threads}"


rule collect_availability:
    input:
        clips="<data>/{dataset}/index/clips.parquet",
        fetch_status=per_shard("<data>/{dataset}/clips/{shard}.status.parquet"),
        decode_status=per_shard("<data>/{dataset}/decode/{shard}.status.parquet"),
    output:
        table="<data>/{dataset}/availability.parquet",
        summary="<data>/{dataset}/availability.json",
    log:
        "<logs>/collect_availability/{dataset}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        # A resource, as in fetch_clips: another limit must not train everything anew; check_missing
        # holds what is there to it.
        max_missing=dataset_options("max_missing"),
        mem_mb=4000,
        runtime=30,
    params:
        version=2,
        data=subpath(output.table, parent=True),
        num_shards=lambda wildcards: num_shards(config, wildcards.dataset),
    shell:
        "hearsay --log {log:q} collect_availability"
        " --data {params.data:q}"
        " --num-shards {params.num_shards:q}"
        " --max-missing {resources.max_missing:q}"
        " --table {output.table:q}"
        " --summary {output.summary:q}"


rule check_missing:
    input:
        availability="<data>/{dataset}/availability.json",
    output:
        record="<data>/{dataset}/max_missing.json",
    log:
        "<logs>/check_missing/{dataset}.log",
    priority: 3  # before any training
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        version=1,
        max_missing=dataset_options(None, "max_missing"),
    shell:
        "hearsay --log {log:q} check_missing"
        " --availability {input.availability:q}"
        " --max-missing {params.max_missing:q}"
        " --record {output.record:q}"


rule check_subset:
    input:
        subset=config["benchmark"]["subset"] or [],
        availability=expand(
            "<data>/{dataset}/availability.parquet",
            dataset=used_datasets(config),
        ),
    output:
        file="<results>/subset/{subset}.txt",
    log:
        "<logs>/check_subset/{subset}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        version=2,
        data=lambda wildcards, input: [
            str(Path(table).parent) for table in input.availability
        ],
    shell:
        "hearsay --log {log:q} check_subset"
        " --subset {input.subset:q}"
        " --data {params.data:q}"
        " --file {output.file:q}"
