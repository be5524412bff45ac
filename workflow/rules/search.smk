# a trained run + the clips of its data set -> an index that `hearsay search` asks


rule build_search_index:
    input:
        availability=searched_file("availability.json"),
        clips=searched_file("index/clips.parquet"),
        captions=searched_file("index/captions.parquet"),
        files=searched_files,
        weights=frozen_towers,
        wal_net=searched_wal_net,
        training_clips=searched_training_file("clips"),
        training_captions=searched_training_file("captions"),
        vectors=searched_vectors,
        model=last_model,
        subset=SUBSET,
    output:
        record="<results>/search/{method}/seed{seed}/index.json",
        entries="<results>/search/{method}/seed{seed}/clips.parquet",
    log:
        "<logs>/build_search_index/{method}/seed{seed}.log",
    conda:
        "../../envs/hearsay.yaml"
    threads: 1  # so that a CPU's sums do not depend on the number of cores
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=120,
    params:
        version=2,
        folder=subpath(output.record, parent=True),
        data=subpath(input.availability, parent=True),
        towers=lambda wildcards, input: option("--towers", input.weights),
        wal_net=lambda wildcards, input: option("--wal-net", input.wal_net),
        kind=config["search"]["kind"],
        approximate_from=config["search"]["approximate_from"],
        cells=config["search"]["cells"],
        probed=config["search"]["probed"],
        sound=searched_sound,
        features=searched_features,
        words=searched_words,
        training_clips=lambda wildcards, input: option(
            "--training-clips", input.training_clips
        ),
        training_captions=lambda wildcards, input: option(
            "--training-captions", input.training_captions
        ),
        subset=lambda wildcards, input: option("--subset", input.subset),
        device=config["benchmark"]["device"],
    shell:
        "hearsay --log {log:q} build_search_index"
        " --method {wildcards.method:q}"
        " --seed {wildcards.seed:q}"
        " --data {params.data:q}"
        " --model {input.model:q}"
        " {params.towers:q}"
        " {params.wal_net:q}"
        " --folder {params.folder:q}"
        " --kind {params.kind:q}"
        " --approximate-from {params.approximate_from:q}"
        " --cells {params.cells:q}"
        " --probed {params.probed:q}"
        " --sound {params.sound:q}"
        " --features {params.features:q}"
        " --words {params.words:q}"
        " {params.training_clips:q}"
        " {params.training_captions:q}"
        " {params.subset:q}"
        " --device {params.device:q}"
        " --threads {threads}"
