# a trained run + the clips of its data set -> an index that `hearsay search` asks


def searched_files(wildcards):
    """What the last stage of {method} hears of its data set, and what texts are found by."""
    stage = stages_of(config, wildcards.method)[-1]
    return stage_files(wildcards.method, stage)


def searched_file(name):
    """Return a function of the wildcards: a file of the data set of the last stage of {method}."""

    def file(wildcards):
        stage = stages_of(config, wildcards.method)[-1]
        return f"<data>/{STAGE_DATASETS[stage]}/{name}"

    return file


def last_model(wildcards):
    """The model that the last stage of {method} has left."""
    stage = stages_of(config, wildcards.method)[-1]
    return "<results>/runs/{method}/seed{seed}/{stage}/model.pt".format(
        **wildcards, stage=stage
    )


def searched_wal_net(wildcards):
    """WAL-Net, if what {method} hears comes from it."""
    form = form_of(config, wildcards.method)
    return (
        WAL_NET_WEIGHTS
        if config["forms"].get(form, {}).get("vectors") == "wal_net"
        else []
    )


def searched_sound(wildcards):
    """How the clips that {method} is indexed with were decoded, as JSON."""
    stage = stages_of(config, wildcards.method)[-1]
    dataset = config["datasets"][STAGE_DATASETS[stage]]
    keys = ("sample_rate_hz", "clip_duration_s", "min_peak_dbfs")
    return json.dumps({key: dataset[key] for key in keys})


def searched_features(wildcards):
    """What the clip vectors that {method} hears are computed by, if it hears such, as JSON."""
    form = form_of(config, wildcards.method)
    if form is None:
        return "{}"
    section = {"wal_net": "wal_logmel"}.get(config["forms"][form]["vectors"], "mfcc")
    return json.dumps(
        {**form_options(config, form), section: config["features"][section]}
    )


rule build_search_index:
    input:
        availability=searched_file("availability.json"),
        clips=searched_file("index/clips.parquet"),
        captions=searched_file("index/captions.parquet"),
        files=searched_files,
        weights=frozen_towers,
        wal_net=searched_wal_net,
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
        version=1,
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
        " {params.subset:q}"
        " --device {params.device:q}"
        " --threads {threads}"
