# What the rules of clips.smk take: where lists, archives and media come from, how they are asked
# for. Functions of the wildcards; but for retry_mark they read no file.

ARCHIVE_READERS = ("fsdkaggle2018", "esc50", "clotho", "audiogrounding_v2")
# The keys of their sections that say where archives come from; the others make splits.
ARCHIVE_OPTIONS = ("record", "files", "address", "md5", "max_bytes")


def reader_inputs(wildcards):
    """What the reader of {dataset} reads: tables, the user's CSV, an archive, or fetched lists."""
    reader = config["datasets"][wildcards.dataset]["reader"]
    if reader == "folder":
        return config["datasets"][wildcards.dataset]["folder"]["csv"]
    if reader == "demo":
        tables = ("clips", "captions", "phrases")
        names = [f"source/{table}.parquet" for table in tables]
    elif reader in ARCHIVE_READERS:
        names = ["archive.json"]
    else:
        suffix = "json" if reader == "audiogrounding" else "csv"
        names = [f"annotations/{split}.{suffix}" for split in ("train", "val", "test")]
    return [f"<data>/{wildcards.dataset}/{name}" for name in names]


def reader_source(wildcards, input):
    """What `build_index --source` gets: the CSV, what was unpacked, or the folder of the files."""
    reader = config["datasets"][wildcards.dataset]["reader"]
    if reader == "folder":
        return input[0]
    if reader in ARCHIVE_READERS:
        return str(Path(input[0]).with_suffix(""))
    return str(Path(input[0]).parent)


def reader_options(wildcards):
    """How the reader of an archive makes splits, as an option with JSON; others take nothing."""
    dataset = config["datasets"][wildcards.dataset]
    if dataset["reader"] not in ARCHIVE_READERS:
        return []
    section = dataset[dataset["reader"]]
    options = {key: section[key] for key in section if key not in ARCHIVE_OPTIONS}
    return ["--options", json.dumps(options)]


def excluded_indexes(wildcards):
    """The clips of the data sets of which {dataset} may not use all videos."""
    names = config["datasets"][wildcards.dataset]["exclude"]
    return [f"<data>/{name}/index/clips.parquet" for name in names]


def index_version(wildcards):
    """Of the index: version 2 finds videos in archives, which changes nothing where none is excluded."""
    return 2 if config["datasets"][wildcards.dataset]["exclude"] else 1


def exclude_options(wildcards, input):
    """Whose videos {dataset} may not use, as options; nothing where it may use all."""
    splits = config["datasets"][wildcards.dataset]["exclude"]
    if not splits:
        return []
    given = ["--excluded-splits", json.dumps(splits)]
    return [*given, *options("--excluded-clips", input.excluded_clips)]


def archive_options(wildcards):
    """Where the archives of {dataset} come from, as JSON."""
    dataset = config["datasets"][wildcards.dataset]
    section = dataset[dataset["reader"]]
    return json.dumps({key: section[key] for key in ARCHIVE_OPTIONS if key in section})


def archive_files(wildcards):
    """What of the archives of {dataset} lies here: a copy of the record, or the zip."""
    dataset = config["datasets"][wildcards.dataset]
    section = dataset[dataset["reader"]]
    places = [section[key] for key in ("record", "address") if key in section]
    return [place for place in places if not is_address(place)]


def archive_folder(wildcards, input):
    """Where `fetch_clips` finds the clips of an archive, as an option; others need nothing."""
    if config["datasets"][wildcards.dataset]["reader"] not in ARCHIVE_READERS:
        return []
    return ["--archive-folder", str(Path(input.clips).parents[1] / "archive")]


def annotation_options(wildcards):
    """Where the list of {split} comes from, as JSON."""
    dataset = config["datasets"][wildcards.dataset]
    return json.dumps(annotation_list(dataset, wildcards.split))


def annotation_files(wildcards):
    """The list of {split}, where it lies here."""
    dataset = config["datasets"][wildcards.dataset]
    place = annotation_list(dataset, wildcards.split)["address"]
    return [] if is_address(place) else place


def fetch_options(wildcards):
    """What is fetched of {dataset}, and what a clip must have to count as fetched, as JSON."""
    dataset = config["datasets"][wildcards.dataset]
    wanted = {
        "format": dataset["fetch"]["format"],
        "min_duration_s": dataset["min_duration_s"],
        "require_video": dataset["num_images"] > 0,
    }
    return json.dumps(wanted)


def fetch_access(wildcards):
    """How {dataset} is asked for: what of its section fetch changes no result, as JSON."""
    fetch = config["datasets"][wildcards.dataset]["fetch"]
    return json.dumps({key: fetch[key] for key in fetch if key != "format"})


def retry_mark(wildcards):
    """What `hearsay retry-clips` has left at {shard}, so that it is looked through again.

    A function of the wildcards alone: Snakemake compares no parameter that hangs on the output.
    """
    folder = Path(DATA) / wildcards.dataset / "clips"
    return read_mark(folder / f"{wildcards.shard}.status.parquet")


def serve_option(wildcards, input):
    """The demo's media are served on loopback by the job itself; other data sets need nothing."""
    if config["datasets"][wildcards.dataset]["reader"] != "demo":
        return []
    return ["--serve-folder", str(Path(input.clips).parents[1] / "source" / "media")]
