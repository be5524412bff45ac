# audio -> filter banks; images and captions -> embeddings of the frozen towers


rule extract_fbank:
    input:
        audio="<data>/{dataset}/audio/{shard}.parquet",
    output:
        array="<data>/{dataset}/fbank/{shard}.npy",
        index="<data>/{dataset}/fbank/{shard}.parquet",
    log:
        "<logs>/extract_fbank/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/extract_fbank/{dataset}/{shard}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=1,
        options=feature_options("fbank"),
    shell:
        "hearsay --log {log:q} extract_fbank"
        " --audio {input.audio:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --options {params.options:q}"


rule extract_logmel:
    input:
        audio="<data>/{dataset}/audio/{shard}.parquet",
    output:
        array="<data>/{dataset}/logmel/{shard}.npy",
        index="<data>/{dataset}/logmel/{shard}.parquet",
    log:
        "<logs>/extract_logmel/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/extract_logmel/{dataset}/{shard}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=1,
        options=feature_options("logmel"),
    shell:
        "hearsay --log {log:q} extract_logmel"
        " --audio {input.audio:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --options {params.options:q}"


rule measure_fbank:
    input:
        availability="<data>/{dataset}/availability.json",
        arrays=per_shard("<data>/{dataset}/fbank/{shard}.npy"),
        indexes=per_shard("<data>/{dataset}/fbank/{shard}.parquet"),
        subset=SUBSET,
    output:
        statistics="<data>/{dataset}/fbank/statistics.json",
    log:
        "<logs>/measure_fbank/{dataset}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        version=1,
        data=subpath(input.availability, parent=True),
        options=feature_options("fbank"),
        subset=lambda wildcards, input: option("--subset", input.subset),
    shell:
        "hearsay --log {log:q} measure_fbank"
        " --data {params.data:q}"
        " --options {params.options:q}"
        " --statistics {output.statistics:q}"
        " {params.subset:q}"


rule check_shards:
    input:
        arrays=store_files("npy"),
        indexes=store_files("parquet"),
    output:
        record="<data>/{dataset}/{store}/shards.json",
    log:
        "<logs>/check_shards/{dataset}/{store}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        version=2,
        folder=subpath(output.record, parent=True),
        num_shards=lambda wildcards: num_shards(config, wildcards.dataset),
    shell:
        "hearsay --log {log:q} check_shards"
        " --folder {params.folder:q}"
        " --num-shards {params.num_shards:q}"
        " --record {output.record:q}"


rule draw_corpus:
    output:
        images="<encoders>/{weights}/corpus/images.parquet",
        captions="<encoders>/{weights}/corpus/captions.parquet",
        clips="<encoders>/{weights}/corpus/clips.parquet",
    log:
        "<logs>/draw_corpus/{weights}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=1,
        options=corpus_options,
        num_pictures=config["clip"]["training"]["num_pictures"],
        clip_duration_s=lambda wildcards: CORPUS_DATASET["clip_duration_s"],
    shell:
        "hearsay --log {log:q} draw_corpus"
        " --options {params.options:q}"
        " --num-pictures {params.num_pictures:q}"
        " --clip-duration-s {params.clip_duration_s:q}"
        " --images {output.images:q}"
        " --captions {output.captions:q}"
        " --clips {output.clips:q}"


rule prepare_clip:
    input:
        images=clip_training_files("images"),
        captions=clip_training_files("captions"),
        clips=clip_training_files("clips"),
    output:
        weights="<encoders>/{weights}/clip.pt",
    log:
        "<logs>/prepare_clip/{weights}.log",
    benchmark:
        "<benchmarks>/prepare_clip/{weights}.tsv"
    priority: 1  # training waits for it
    conda:
        "../../envs/hearsay.yaml"
    threads: 1  # so that a CPU's sums do not depend on the number of cores
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=120,
    params:
        version=2,
        options=json.dumps(config["clip"]),
        data=clip_training_option,
        device=config["benchmark"]["device"],
    shell:
        "hearsay --log {log:q} prepare_clip"
        " --options {params.options:q}"
        " --weights {output.weights:q}"
        " --device {params.device:q}"
        " --threads {threads}"
        " {params.data:q}"


rule embed_images:
    input:
        weights=CLIP_WEIGHTS,
        images="<data>/{dataset}/images/{shard}.parquet",
    output:
        array="<data>/{dataset}/image_embeddings/{shard}.npy",
        index="<data>/{dataset}/image_embeddings/{shard}.parquet",
    log:
        "<logs>/embed_images/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/embed_images/{dataset}/{shard}.tsv"
    priority: 1  # training waits for it
    conda:
        "../../envs/hearsay.yaml"
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        version=1,
        device=config["benchmark"]["device"],
    shell:
        "hearsay --log {log:q} embed_images"
        " --weights {input.weights:q}"
        " --images {input.images:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --device {params.device:q}"


rule embed_captions:
    input:
        weights=CLIP_WEIGHTS,
        clips="<data>/{dataset}/index/clips.parquet",
        captions="<data>/{dataset}/index/captions.parquet",
        phrases="<data>/{dataset}/index/phrases.parquet",
    output:
        array="<data>/{dataset}/caption_embeddings.npy",
        index="<data>/{dataset}/caption_embeddings.parquet",
        phrase_array="<data>/{dataset}/phrase_embeddings.npy",
        phrase_index="<data>/{dataset}/phrase_embeddings.parquet",
        label_array="<data>/{dataset}/label_tower_embeddings.npy",
        label_index="<data>/{dataset}/label_tower_embeddings.parquet",
    log:
        "<logs>/embed_captions/{dataset}.log",
    benchmark:
        "<benchmarks>/embed_captions/{dataset}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=60,
    params:
        version=3,
        device=config["benchmark"]["device"],
    shell:
        "hearsay --log {log:q} embed_captions"
        " --weights {input.weights:q}"
        " --clips {input.clips:q}"
        " --captions {input.captions:q}"
        " --phrases {input.phrases:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --phrase-array {output.phrase_array:q}"
        " --phrase-index {output.phrase_index:q}"
        " --label-array {output.label_array:q}"
        " --label-index {output.label_index:q}"
        " --device {params.device:q}"
