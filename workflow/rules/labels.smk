# labels -> text features; runs that tell labels apart -> scores, and their controls beside them


rule embed_labels:
    input:
        clips="<data>/{dataset}/index/clips.parquet",
        captions="<data>/{dataset}/index/captions.parquet",
        training_clips=word_training_file("clips"),
        training_captions=word_training_file("captions"),
        vectors=config["words"]["file"] or [],
    output:
        array="<data>/{dataset}/label_embeddings.npy",
        index="<data>/{dataset}/label_embeddings.parquet",
        summary="<data>/{dataset}/label_embeddings.json",
        caption_array="<data>/{dataset}/caption_text_features.npy",
        caption_index="<data>/{dataset}/caption_text_features.parquet",
    log:
        "<logs>/embed_labels/{dataset}.log",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        version=2,
        options=lambda wildcards: json.dumps(label_options(config, wildcards.dataset)),
        training_clips=lambda wildcards, input: option(
            "--training-clips", input.training_clips
        ),
        training_captions=lambda wildcards, input: option(
            "--training-captions", input.training_captions
        ),
    shell:
        "hearsay --log {log:q} embed_labels"
        " --dataset {wildcards.dataset:q}"
        " --options {params.options:q}"
        " --clips {input.clips:q}"
        " --captions {input.captions:q}"
        " {params.training_clips:q}"
        " {params.training_captions:q}"
        " --array {output.array:q}"
        " --index {output.index:q}"
        " --summary {output.summary:q}"
        " --caption-array {output.caption_array:q}"
        " --caption-index {output.caption_index:q}"


rule score_labels:
    input:
        availability=stage_file("availability.json"),
        files=scored_on,
        model="<results>/runs/{method}/seed{seed}/{stage}/model.pt",
        subset=SUBSET,
    output:
        scores="<results>/runs/{method}/seed{seed}/{stage}/scores.json",
        queries="<results>/runs/{method}/seed{seed}/{stage}/queries.parquet",
        cells="<results>/runs/{method}/seed{seed}/{stage}/cells.parquet",
        embeddings="<results>/runs/{method}/seed{seed}/{stage}/embeddings.parquet",
        collapse="<results>/runs/{method}/seed{seed}/{stage}/collapse.json",
        other_scores="<results>/runs/{method}/seed{seed}/{stage}/other_tasks/scores.json",
        other_ranks="<results>/runs/{method}/seed{seed}/{stage}/other_tasks/ranks.parquet",
        other_hits="<results>/runs/{method}/seed{seed}/{stage}/other_tasks/hits.parquet",
        reasons="<results>/runs/{method}/seed{seed}/{stage}/other_tasks/reasons.json",
    log:
        "<logs>/score_labels/{method}/seed{seed}/{stage}.log",
    wildcard_constraints:
        stage="audio_label",
    conda:
        "../../envs/hearsay.yaml"
    threads: 1  # so that a CPU's sums do not depend on the number of cores
    resources:
        gpu=1,
        mem_mb=4000,
        runtime=60,
    params:
        version=4,
        folder=subpath(output.scores, parent=True),
        data=subpath(input.availability, parent=True),
        subset=lambda wildcards, input: option("--subset", input.subset),
        # Captions of the same data set, embedded with its labels.
        captioned=str("audio_text_retrieval" not in NOT_ASKED).lower(),
        neighbours=config["benchmark"]["label_scores"]["neighbours"],
        permutations=config["benchmark"]["label_scores"]["permutations"],
        num_resamples=config["benchmark"]["bootstrap_resamples"],
        device=config["benchmark"]["device"],
    shell:
        "hearsay --log {log:q} score_labels"
        " --method {wildcards.method:q}"
        " --stage {wildcards.stage:q}"
        " --seed {wildcards.seed:q}"
        " --data {params.data:q}"
        " --model {input.model:q}"
        " {params.subset:q}"
        " --folder {params.folder:q}"
        " --captioned {params.captioned}"
        " --neighbours {params.neighbours:q}"
        " --permutations {params.permutations:q}"
        " --num-resamples {params.num_resamples:q}"
        " --device {params.device:q}"
        " --threads {threads}"


rule score_label_controls:
    input:
        availability=stage_file("availability.json"),
        vectors=lambda wildcards: f"<data>/{STAGE_DATASETS[wildcards.stage]}/forms/{wildcards.form}.npy",
        labels=stage_file("label_embeddings.npy"),
        subset=SUBSET,
    output:
        scores="<results>/runs/controls/seed0/{stage}/{form}/scores.json",
        queries="<results>/runs/controls/seed0/{stage}/{form}/queries.parquet",
        cells="<results>/runs/controls/seed0/{stage}/{form}/cells.parquet",
    log:
        "<logs>/score_label_controls/{stage}/{form}.log",
    wildcard_constraints:
        stage="audio_label",
    conda:
        "../../envs/hearsay.yaml"
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        version=2,
        folder=subpath(output.scores, parent=True),
        data=subpath(input.availability, parent=True),
        form_options=lambda wildcards: json.dumps(form_options(config, wildcards.form)),
        subset=lambda wildcards, input: option("--subset", input.subset),
        neighbours=config["benchmark"]["label_scores"]["neighbours"],
        permutations=config["benchmark"]["label_scores"]["permutations"],
        num_resamples=config["benchmark"]["bootstrap_resamples"],
        ridge_alphas=config["benchmark"]["label_scores"]["ridge_alphas"],
    shell:
        "hearsay --log {log:q} score_label_controls"
        " --form {wildcards.form:q}"
        " --form-options {params.form_options:q}"
        " --stage {wildcards.stage:q}"
        " --data {params.data:q}"
        " {params.subset:q}"
        " --folder {params.folder:q}"
        " --neighbours {params.neighbours:q}"
        " --permutations {params.permutations:q}"
        " --num-resamples {params.num_resamples:q}"
        " --ridge-alphas {params.ridge_alphas:q}"
