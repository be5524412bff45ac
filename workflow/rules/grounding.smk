# runs + phrases -> when each phrase is heard, and what knows nothing of phrases beside them


rule ground_run:
    input:
        availability=stage_file("availability.json"),
        files=scored_on,
        found=stage_file("availability.parquet"),
        phrases=stage_file("index/phrases.parquet"),
        grid=stage_shards("logmel/{shard}.npy"),
        vectors=stage_phrases,
        weights=frozen_towers,
        model="<results>/runs/{method}/seed{seed}/{stage}/model.pt",
        subset=SUBSET,
    output:
        scores="<results>/runs/{method}/seed{seed}/{stage}/grounding/scores.json",
        queries="<results>/runs/{method}/seed{seed}/{stage}/grounding/queries.parquet",
        curves="<results>/runs/{method}/seed{seed}/{stage}/grounding/curves.parquet",
        frames="<results>/runs/{method}/seed{seed}/{stage}/grounding/frames.parquet",
    log:
        "<logs>/ground_run/{method}/seed{seed}/{stage}.log",
    conda:
        "../../envs/hearsay.yaml"
    threads: 1  # so that a CPU's sums do not depend on the number of cores
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=120,
    params:
        version=1,
        folder=subpath(output.scores, parent=True),
        data=subpath(input.availability, parent=True),
        weights=lambda wildcards, input: option("--weights", input.weights),
        subset=lambda wildcards, input: option("--subset", input.subset),
        frame_shift_ms=config["features"]["logmel"]["frame_shift_ms"],
        num_resamples=config["benchmark"]["bootstrap_resamples"],
        device=config["benchmark"]["device"],
    shell:
        "hearsay --log {log:q} ground_run"
        " --method {wildcards.method:q}"
        " --stage {wildcards.stage:q}"
        " --seed {wildcards.seed:q}"
        " --data {params.data:q}"
        " {params.weights:q}"
        " --model {input.model:q}"
        " {params.subset:q}"
        " --folder {params.folder:q}"
        " --frame-shift-ms {params.frame_shift_ms:q}"
        " --num-resamples {params.num_resamples:q}"
        " --device {params.device:q}"
        " --threads {threads}"


rule ground_controls:
    input:
        availability=stage_file("availability.json"),
        found=stage_file("availability.parquet"),
        phrases=stage_file("index/phrases.parquet"),
        grid=stage_shards("logmel/{shard}.npy"),
        subset=SUBSET,
    output:
        scores="<results>/runs/controls/seed0/{stage}/grounding/scores.json",
        queries="<results>/runs/controls/seed0/{stage}/grounding/queries.parquet",
        curves="<results>/runs/controls/seed0/{stage}/grounding/curves.parquet",
    log:
        "<logs>/ground_controls/{stage}.log",
    priority: 3  # before any training: a data set without phrases is noticed here
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        version=1,
        folder=subpath(output.scores, parent=True),
        data=subpath(input.availability, parent=True),
        subset=lambda wildcards, input: option("--subset", input.subset),
        frame_shift_ms=config["features"]["logmel"]["frame_shift_ms"],
        num_resamples=config["benchmark"]["bootstrap_resamples"],
    shell:
        "hearsay --log {log:q} ground_controls"
        " --stage {wildcards.stage:q}"
        " --data {params.data:q}"
        " {params.subset:q}"
        " --folder {params.folder:q}"
        " --frame-shift-ms {params.frame_shift_ms:q}"
        " --num-resamples {params.num_resamples:q}"
