# features + embeddings -> runs -> scores


rule train_run:
    input:
        availability=stage_file("availability.json"),
        files=trained_on,
        weights=frozen_towers,
        init=stage_before,
        subset=SUBSET,
    output:
        model="<results>/runs/{method}/seed{seed}/{stage}/model.pt",
        history="<results>/runs/{method}/seed{seed}/{stage}/history.parquet",
        choices="<results>/runs/{method}/seed{seed}/{stage}/choices.parquet",
        run="<results>/runs/{method}/seed{seed}/{stage}/run.json",
    log:
        "<logs>/train_run/{method}/seed{seed}/{stage}.log",
    benchmark:
        "<benchmarks>/train_run/{method}/seed{seed}/{stage}.tsv"
    priority: 2  # the longest chain; what scores and draws fills the gaps
    conda:
        "../../envs/hearsay.yaml"
    threads: training_gpus(config["training"]["readers"])
    resources:
        gpu=training_gpus(),
        # A resource, since it changes no result: another value re-runs nothing.
        checkpoint_minutes=config["training"]["checkpoint_minutes"],
        launcher="",  # what starts the command on several machines; a profile may name it
        mem_mb=lambda wildcards, attempt: attempt * training_gpus(8000)(wildcards),
        runtime=720,
    params:
        version=6,
        folder=subpath(output.model, parent=True),
        options=run_options,
        data=subpath(input.availability, parent=True),
        weights=lambda wildcards, input: option("--weights", input.weights),
        init=lambda wildcards, input: option("--init", input.init),
        subset=lambda wildcards, input: option("--subset", input.subset),
        device=config["benchmark"]["device"],
        compile=str(config["training"]["compile"]).lower(),
        # So that a CPU's sums do not depend on the number of cores.
        threads=1,
    shell:
        "{resources.launcher} hearsay --log {log:q} train_run"
        " --method {wildcards.method:q}"
        " --stage {wildcards.stage:q}"
        " --seed {wildcards.seed:q}"
        " --options {params.options:q}"
        " --data {params.data:q}"
        " {params.weights:q}"
        " {params.init:q}"
        " {params.subset:q}"
        " --folder {params.folder:q}"
        " --device {params.device:q}"
        " --threads {params.threads}"
        " --readers {threads}"
        " --checkpoint-minutes {resources.checkpoint_minutes}"
        " --compile-network {params.compile}"
        " --processes {resources.gpu}"


rule score_run:
    input:
        image_data=image_data,
        text_data=f"<data>/{TEXT_DATASET}/availability.json",
        files=scored_on,
        weights=frozen_towers,
        model="<results>/runs/{method}/seed{seed}/{stage}/model.pt",
        label_data=label_data,
        label_texts=label_texts,
        subset=SUBSET,
    output:
        scores="<results>/runs/{method}/seed{seed}/{stage}/scores.json",
        ranks="<results>/runs/{method}/seed{seed}/{stage}/ranks.parquet",
        hits="<results>/runs/{method}/seed{seed}/{stage}/hits.parquet",
        other_scores="<results>/runs/{method}/seed{seed}/{stage}/other_tasks/scores.json",
        other_queries="<results>/runs/{method}/seed{seed}/{stage}/other_tasks/queries.parquet",
        reasons="<results>/runs/{method}/seed{seed}/{stage}/other_tasks/reasons.json",
    log:
        "<logs>/score_run/{method}/seed{seed}/{stage}.log",
    wildcard_constraints:
        stage="audio_image|audio_text",  # score_labels has the other
    conda:
        "../../envs/hearsay.yaml"
    threads: 1  # so that a CPU's sums do not depend on the number of cores
    resources:
        gpu=1,
        mem_mb=8000,
        runtime=120,
    params:
        version=6,
        folder=subpath(output.scores, parent=True),
        image_data=lambda wildcards, input: data_option(
            "--image-data", input.image_data
        ),
        text_data=subpath(input.text_data, parent=True),
        weights=lambda wildcards, input: option("--weights", input.weights),
        subset=lambda wildcards, input: option("--subset", input.subset),
        label_data=lambda wildcards, input: data_option(
            "--label-data", input.label_data
        ),
        neighbours=config["benchmark"]["label_scores"]["neighbours"],
        num_resamples=config["benchmark"]["bootstrap_resamples"],
        device=config["benchmark"]["device"],
    shell:
        "hearsay --log {log:q} score_run"
        " --method {wildcards.method:q}"
        " --stage {wildcards.stage:q}"
        " --seed {wildcards.seed:q}"
        " {params.image_data:q}"
        " --text-data {params.text_data:q}"
        " {params.weights:q}"
        " --model {input.model:q}"
        " {params.subset:q}"
        " --folder {params.folder:q}"
        " {params.label_data:q}"
        " --neighbours {params.neighbours:q}"
        " --num-resamples {params.num_resamples:q}"
        " --device {params.device:q}"
        " --threads {threads}"


rule score_oracle:
    input:
        availability=stage_file("availability.json"),
        facts=stage_file("source/facts.parquet"),
        subset=SUBSET,
    output:
        scores="<results>/runs/oracle/seed0/{stage}/scores.json",
        ranks="<results>/runs/oracle/seed0/{stage}/ranks.parquet",
    log:
        "<logs>/score_oracle/{stage}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        version=1,
        folder=subpath(output.scores, parent=True),
        num_images=lambda wildcards: config["datasets"][
            STAGE_DATASETS[wildcards.stage]
        ]["num_images"],
        data=subpath(input.availability, parent=True),
        subset=lambda wildcards, input: option("--subset", input.subset),
        num_resamples=config["benchmark"]["bootstrap_resamples"],
    shell:
        "hearsay --log {log:q} score_oracle"
        " --stage {wildcards.stage:q}"
        " --data {params.data:q}"
        " --facts {input.facts:q}"
        " --num-images {params.num_images:q}"
        " {params.subset:q}"
        " --folder {params.folder:q}"
        " --num-resamples {params.num_resamples:q}"
