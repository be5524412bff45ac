# What a run reads and how it is asked for: of one method, stage and seed.


def run_options(wildcards):
    """All that changes the result of this stage of this method, as JSON."""
    return json.dumps(stage_options(config, wildcards.method, wildcards.stage))


def stage_file(name):
    """Return a function of the wildcards: a file of the data set that {stage} uses."""
    return lambda wildcards: f"<data>/{STAGE_DATASETS[wildcards.stage]}/{name}"


def shards_record(dataset, store):
    """The record of all shards of a store: one input a run instead of one a shard.

    72 runs with an input for each of 1,390 shards of two stores make planning four times as slow.
    """
    return f"<data>/{dataset}/{store}/shards.json"


def heard_files(needs, dataset, form=None):
    """What a family hears of a data set: its features, and what normalises them."""
    if needs.features == FORMS:
        return [f"<data>/{dataset}/forms/{form}.npy"]
    files = [shards_record(dataset, needs.features)]
    if needs.features == "fbank":
        files.append(f"<data>/{dataset}/fbank/statistics.json")
    return files


def matched_files(needs, stage):
    """What {stage} matches sound with: embeddings of pictures or captions, words, or labels."""
    dataset = STAGE_DATASETS[stage]
    if stage == "audio_image":
        return [shards_record(dataset, "image_embeddings")]
    if needs.needs_labels:
        return [f"<data>/{dataset}/label_embeddings.npy"]
    if needs.needs_words:
        return word_files(dataset)
    return [f"<data>/{dataset}/caption_embeddings.npy"]


def word_files(dataset):
    """What methods of words read of a data set's words."""
    names = [
        "word_embeddings.json",
        "word_embeddings.npy",
        "caption_words.parquet",
        "phrase_words.parquet",
    ]
    return [f"<data>/{dataset}/{name}" for name in names]


def trained_on(wildcards):
    """What {stage} of {method} hears and matches it with."""
    return stage_files(wildcards.method, wildcards.stage)


def stage_files(method, stage):
    """What a stage of a method hears and matches it with."""
    needs = family_of(config, method)
    heard = heard_files(needs, STAGE_DATASETS[stage], form_of(config, method))
    return heard + matched_files(needs, stage)


def scored_on(wildcards):
    """What {method} is scored on: sound, pictures and captions of the data sets of its stages."""
    files = []
    for stage in stages_of(config, wildcards.method):
        at_stage = type(wildcards)(fromdict={**dict(wildcards.items()), "stage": stage})
        files += trained_on(at_stage)
    return sorted(set(files))


def stage_shards(name):
    """Return a function of the wildcards: the files of every shard that {stage} uses."""

    def files(wildcards):
        dataset = STAGE_DATASETS[wildcards.stage]
        return per_shard(f"<data>/{{dataset}}/{name}", dataset)(wildcards)

    return files


def stage_phrases(wildcards):
    """The vectors of phrases that {method} grounds: of their words, or of the text tower."""
    dataset = STAGE_DATASETS[wildcards.stage]
    if family_of(config, wildcards.method).needs_words:
        return word_files(dataset)
    return f"<data>/{dataset}/phrase_embeddings.npy"


def frozen_towers(wildcards):
    """The frozen towers, if the family of {method} builds on them."""
    needs_towers = family_of(config, wildcards.method).needs_towers
    return CLIP_WEIGHTS if needs_towers else []


def training_gpus(factor=1):
    """Return a function of the wildcards: the cards of a training of {method}, times `factor`."""
    return lambda wildcards: factor * gpus_of(config, wildcards.method)


def stage_before(wildcards):
    """The model of the stage that {stage} starts from; nothing for the first one."""
    stages = stages_of(config, wildcards.method)
    place = stages.index(wildcards.stage)
    if place == 0:
        return []
    folder = "<results>/runs/{method}/seed{seed}".format(**wildcards)
    return f"{folder}/{stages[place - 1]}/model.pt"


def image_data(wildcards):
    """The data set whose pictures {method} is scored on, if it knows pictures."""
    if family_of(config, wildcards.method).needs_pictures:
        return f"<data>/{IMAGE_DATASET}/availability.json"
    return []


def label_data(wildcards):
    """The data set whose labels a method of captions is asked for, after its last stage."""
    is_last = wildcards.stage == stages_of(config, wildcards.method)[-1]
    if not is_last or "label_knn" in NOT_ASKED:
        return []
    return f"<data>/{STAGE_DATASETS['audio_label']}/availability.json"


def label_texts(wildcards):
    """The labels that `label_data` is asked for: their words, and what the towers make of them."""
    if not label_data(wildcards):
        return []
    folder = f"<data>/{STAGE_DATASETS['audio_label']}"
    files = [f"{folder}/label_embeddings.npy"]
    if family_of(config, wildcards.method).needs_towers:
        return [*files, f"{folder}/label_tower_embeddings.npy"]
    return [*files, f"{folder}/word_embeddings.parquet"]


def data_option(name, file):
    """An option with the folder of a file where there is one, else nothing."""
    return option(name, Path(file).parent if file else None)


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


def searched_words(wildcards):
    """Options of the word vectors whose mean a text is to {method}, if it is, as JSON."""
    stage = stages_of(config, wildcards.method)[-1]
    if not family_of(config, wildcards.method).needs_labels:
        return "{}"
    return json.dumps(word_options(config, STAGE_DATASETS[stage]))


def searched_training_file(table):
    """Return a function of the wildcards: what these vectors are trained on, or nothing."""

    def file(wildcards):
        stage = stages_of(config, wildcards.method)[-1]
        options = word_options(config, STAGE_DATASETS[stage])
        needs = family_of(config, wildcards.method).needs_labels
        if not needs or options["file"] is not None:
            return []
        return f"<data>/{options['skipgram']['dataset']}/index/{table}.parquet"

    return file


def searched_vectors(wildcards):
    """The file of word vectors whose mean a text is to {method}, if it is and there is one."""
    needs = family_of(config, wildcards.method).needs_labels
    return config["words"]["file"] or [] if needs else []


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
