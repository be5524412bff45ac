# A file of every job up to the scores: the target rules ask for these, not for the end alone.
#
# Snakemake deletes the outputs of a job before it runs it again. Where the job fails, they are gone,
# what was made of them looks current, and nobody would make them anew unless somebody asks.

from types import SimpleNamespace


def index_files(dataset):
    """The index of a data set, what it is made of, and those whose videos it leaves out."""
    section = config["datasets"][dataset]
    own = SimpleNamespace(dataset=dataset)
    sources = [] if section["reader"] == "folder" else reader_inputs(own)
    excluded = [file for name in section["exclude"] for file in index_files(name)]
    return [*excluded, *sources, f"<data>/{dataset}/index/clips.parquet"]


def shard_files(dataset, name):
    """A file of each shard of a data set, such as fbank/{shard}.parquet."""
    pattern = f"<data>/{dataset}/{name}"
    return expand(pattern, shard=shards(config, dataset))


def clip_files(dataset):
    """What became of the clips of a data set, shard by shard, and its index."""
    fetched = shard_files(dataset, "clips/{shard}.status.parquet")
    decoded = shard_files(dataset, "decode/{shard}.status.parquet")
    return [*index_files(dataset), *fetched, *decoded]


def data_files(dataset):
    """The data stage of a data set."""
    checked = [
        f"<data>/{dataset}/{name}.json" for name in ("availability", "max_missing")
    ]
    return [*clip_files(dataset), *checked]


def tower_files():
    """The frozen towers and what they are trained on, if they are trained here."""
    dataset = config["clip"]["training"]["dataset"]
    if config["clip"]["pretrained"] is not None:
        return [CLIP_WEIGHTS]
    if config["datasets"][dataset]["reader"] == "demo":
        folder = Path(CLIP_WEIGHTS).parent
        return [f"{folder}/corpus/clips.parquet", CLIP_WEIGHTS]
    return [*clip_files(dataset), CLIP_WEIGHTS]


def wal_net_files():
    """WAL-Net and what it is trained on, if it is trained here."""
    if config["wal_net"]["file"] is not None:
        return [WAL_NET_WEIGHTS]
    dataset = config["wal_net"]["training"]["dataset"]
    heard = shard_files(dataset, "wal_logmel/{shard}.parquet")
    return [*clip_files(dataset), *heard, WAL_NET_WEIGHTS]


def form_jobs(dataset, form):
    """The vectors that a form is made of, and what these are made of."""
    vectors = config["forms"][form]["vectors"]
    files = shard_files(dataset, f"{vectors}/{{shard}}.parquet")
    if vectors == "wal_net":
        heard = shard_files(dataset, "wal_logmel/{shard}.parquet")
        return [*wal_net_files(), *heard, *files]
    return files


def word_jobs(options):
    """What word vectors are trained on, if they are trained here."""
    return [] if options["file"] else index_files(options["skipgram"]["dataset"])


def feature_jobs(file):
    """What lies behind one of FEATURES: its shards, the data of its network, and itself."""
    _, dataset, *place = file.split("/")  # behind <data>
    if place[-1] == "shards.json":
        return [*shard_files(dataset, f"{place[0]}/{{shard}}.parquet"), file]
    if place[0] == "forms":
        return [*form_jobs(dataset, Path(file).stem), file]
    if place[0] == "word_embeddings.json":
        return [*word_jobs(word_options(config, dataset)), file]
    if place[0] == "label_embeddings.npy":
        return [*word_jobs(label_options(config, dataset)), file]
    return [file]


DATA_FILES = {file for name in used_datasets(config) for file in data_files(name)}
FEATURE_FILES = DATA_FILES | {job for file in FEATURES for job in feature_jobs(file)}
if any(needs.needs_towers for needs in NEEDED):
    FEATURE_FILES.update(tower_files())
if SUBSET:
    FEATURE_FILES.add(SUBSET)
RUN_FILES = {*FEATURE_FILES, *SCORES, *(f"{folder}/model.pt" for folder in RUNS)}
ALL_FILES = {*RUN_FILES, *TABLES, *PLOTS, *SEARCHES}
if "<results>/tables/choices.csv" in TABLES:
    ALL_FILES.add("<results>/runs/choices.csv")
