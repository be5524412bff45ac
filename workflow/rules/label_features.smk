# audio -> one vector a clip, for telling labels apart: cepstral coefficients, WAL-Net's


rule extract_mfcc:
    input:
        audio="<data>/{dataset}/audio/{shard}.parquet",
    output:
        array="<data>/{dataset}/mfcc/{shard}.npy",
        index="<data>/{dataset}/mfcc/{shard}.parquet",
    log:
        "<logs>/extract_mfcc/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/extract_mfcc/{dataset}/{shard}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=1,
        options=feature_options("mfcc"),
    shell:
        "hearsay --log {log:q} extract_mfcc"
        " --audio {input.audio:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --options {params.options:q}"


rule extract_wal_logmel:
    input:
        audio="<data>/{dataset}/audio/{shard}.parquet",
    output:
        array="<data>/{dataset}/wal_logmel/{shard}.npy",
        index="<data>/{dataset}/wal_logmel/{shard}.parquet",
    log:
        "<logs>/extract_wal_logmel/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/extract_wal_logmel/{dataset}/{shard}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        version=1,
        options=feature_options("wal_logmel"),
    shell:
        "hearsay --log {log:q} extract_wal_logmel"
        " --audio {input.audio:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --options {params.options:q}"


rule prepare_wal_net:
    input:
        clips=wal_net_training_clips,
        arrays=wal_net_training_files("wal_logmel/{shard}.npy"),
        indexes=wal_net_training_files("wal_logmel/{shard}.parquet"),
        published=config["wal_net"]["file"] or [],
    output:
        weights="<encoders>/{weights}/wal_net.pt",
    log:
        "<logs>/prepare_wal_net/{weights}.log",
    benchmark:
        "<benchmarks>/prepare_wal_net/{weights}.tsv"
    conda:
        "../../envs/hearsay.yaml"
    threads: 1  # so that a CPU's sums do not depend on the number of cores
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=240,
    params:
        version=1,
        options=json.dumps(config["wal_net"]),
        clips=lambda wildcards, input: option("--clips", input.clips),
        arrays=lambda wildcards, input: options("--arrays", input.arrays),
        device=config["benchmark"]["device"],
    shell:
        "hearsay --log {log:q} prepare_wal_net"
        " --options {params.options:q}"
        " --weights {output.weights:q}"
        " --device {params.device:q}"
        " --threads {threads}"
        " {params.clips:q}"
        " {params.arrays:q}"


rule embed_wal_net:
    input:
        weights=WAL_NET_WEIGHTS,
        features="<data>/{dataset}/wal_logmel/{shard}.npy",
        index="<data>/{dataset}/wal_logmel/{shard}.parquet",
    output:
        array="<data>/{dataset}/wal_net/{shard}.npy",
        index="<data>/{dataset}/wal_net/{shard}.parquet",
    log:
        "<logs>/embed_wal_net/{dataset}/{shard}.log",
    benchmark:
        "<benchmarks>/embed_wal_net/{dataset}/{shard}.tsv"
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
        "hearsay --log {log:q} embed_wal_net"
        " --weights {input.weights:q}"
        " --features {input.features:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --device {params.device:q}"


rule form_vectors:
    input:
        clips="<data>/{dataset}/index/clips.parquet",
        arrays=form_files("npy"),
        indexes=form_files("parquet"),
        subset=SUBSET,
    output:
        array="<data>/{dataset}/forms/{form}.npy",
        index="<data>/{dataset}/forms/{form}.parquet",
    log:
        "<logs>/form_vectors/{dataset}/{form}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        version=2,
        options=lambda wildcards: json.dumps(config["forms"][wildcards.form]),
        subset=lambda wildcards, input: option("--subset", input.subset),
    shell:
        "hearsay --log {log:q} form_vectors"
        " --clips {input.clips:q}"
        " --arrays {input.arrays:q}"
        " --options {params.options:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " {params.subset:q}"
