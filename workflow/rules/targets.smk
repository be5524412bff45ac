# What there is to make: runs, score files, features, tables, plots. The target rules ask for these.

SEEDS = config["benchmark"]["seeds"]
RUNS = [
    f"<results>/runs/{method}/seed{seed}/{stage}"
    for method in METHODS
    for seed in SEEDS
    for stage in stages_of(config, method)
]
# Methods that tell labels apart are scored on that alone, the others on retrieval.
LABEL_METHODS = [name for name in METHODS if family_of(config, name).needs_labels]
LABEL_RUNS = [folder for folder in RUNS if Path(folder).parts[-3] in LABEL_METHODS]
RETRIEVAL_RUNS = [folder for folder in RUNS if folder not in LABEL_RUNS]
LABEL_CONTROLS = sorted(
    {
        f"<results>/runs/controls/seed0/{stage}/{form_of(config, method)}/scores.json"
        for method in LABEL_METHODS
        for stage in stages_of(config, method)
    }
)
IMAGE_RUNS = [folder for folder in RUNS if Path(folder).name == "audio_image"]
# Phrases are those of the audio_text data set, and known to what has met captions.
GROUNDS = config["benchmark"]["phrase_grounding"] and has_phrases(config, TEXT_DATASET)
GROUNDED = [folder for folder in RUNS if GROUNDS and Path(folder).name == "audio_text"]
CONTROLS_FOLDER = "<results>/runs/controls/seed0/audio_text/grounding"
ORACLES = [
    f"<results>/runs/oracle/seed0/{stage}"
    for stage, dataset in STAGE_DATASETS.items()
    # The truth is known, and the task is somebody's.
    if config["datasets"][dataset]["reader"] == "demo"
    and any(stage == Path(folder).name for folder in RETRIEVAL_RUNS)
]
# After its last stage a method is asked for tasks that it was not trained for, too.
LAST_RUNS = [
    folder
    for folder in RUNS
    if Path(folder).name == stages_of(config, Path(folder).parts[-3])[-1]
]
SCORES = [f"{folder}/scores.json" for folder in RUNS + ORACLES] + LABEL_CONTROLS
SCORES += [f"{folder}/other_tasks/scores.json" for folder in LAST_RUNS]
if GROUNDED:
    SCORES += [f"{folder}/grounding/scores.json" for folder in GROUNDED]
    SCORES += [f"{CONTROLS_FOLDER}/scores.json"]
HISTORIES = [f"{folder}/history.parquet" for folder in RUNS]
NEEDED = {family_of(config, method) for method in METHODS}
if METHODS:
    FEATURES = sorted(
        {
            file
            for method in METHODS
            for stage in stages_of(config, method)
            for file in stage_files(method, stage)
        }
    )
else:
    FEATURES = [
        file
        for dataset in used_datasets(config)
        for file in heard_files(FAMILIES["frame_match"], dataset)
    ]
COMPARISONS = ["<results>/tables/comparisons.csv"] if REFERENCE else []
TABLES = expand("<results>/tables/table_2.{suffix}", suffix=["csv", "md", "tex"])
TABLES += expand("<results>/plots/availability.{suffix}", suffix=["svg", "png"])
PLOTS = []
if METHODS:
    TABLES += ["<results>/tables/scores.csv"]
    shows_data = []  # tables that count data, so `tables` does without
    tables, plots = [], ["training"]
    TABLES += expand(
        "<results>/{place}",
        place=[
            *(f"tables/systems_by_tasks.{suffix}" for suffix in ("csv", "md", "tex")),
            *(f"plots/systems_by_tasks.{suffix}" for suffix in ("svg", "png")),
        ],
    )
    if RETRIEVAL_RUNS:
        tables, plots = ["table_4"], ["recall_audio_text", "training"]
    if IMAGE_RUNS:
        tables, plots = ["table_3", *tables], ["recall_audio_image", *plots]
        PLOTS += ["<results>/plots/clips.svg"]  # shows data, so `tables` does without
        # The truth is known.
        if config["datasets"][IMAGE_DATASET]["reader"] == "demo":
            TABLES += ["<results>/tables/choices.csv"]
            plots.append("choices")
    if REFERENCE:
        tables.append("comparisons")
    if any(Path(folder).name == "audio_text" for folder in RUNS):
        tables.append("table_captions")
    if any(config["methods"][method]["family"] == "word_align" for method in METHODS):
        plots.append("losses")
    if GROUNDED:
        tables.append("table_grounding")
        shows_data.append("table_phrases")
        plots += ["grounding_all", "grounding_several_events"]
        PLOTS += ["<results>/plots/alignment.svg", "<results>/report/grounding.html"]
    label_tables, label_plots = label_reports(
        {name: stage_options(config, name, "audio_label") for name in LABEL_METHODS}
    )
    tables += label_tables
    plots += label_plots
    if any(needs.needs_words for needs in NEEDED):
        shows_data.append("table_words")
    TABLES += expand(
        "<results>/tables/{table}.{suffix}", table=tables, suffix=["csv", "md", "tex"]
    )
    PLOTS += expand(
        "<results>/tables/{table}.{suffix}",
        table=shows_data,
        suffix=["csv", "md", "tex"],
    )
    TABLES += expand(
        "<results>/plots/{plot}.{suffix}", plot=plots, suffix=["svg", "png"]
    )
# What the report page shows: all tables and plots, and the runs of one seed as examples.
PAGE_TABLES = sorted(  # what sums up comes first, every single number last
    (file for file in TABLES + PLOTS if file.endswith(".csv")),
    key=lambda file: {"systems_by_tasks": 0, "scores": 2}.get(Path(file).stem, 1),
)
PAGE_LAYOUTS = [file for file in TABLES + PLOTS if file.endswith(".md")]
PAGE_PLOTS = [file for file in TABLES + PLOTS if file.endswith(".svg")]
PAGE_CAPTIONS = sorted(Path(workflow.basedir, "workflow/report").glob("*.rst"))
HEARD_RUNS = [
    folder
    for folder in RETRIEVAL_RUNS
    if Path(folder).parts[-2:] == (f"seed{SEEDS[0]}", "audio_text")
]
HEARD_GROUNDED = [folder for folder in HEARD_RUNS if folder in GROUNDED]
if "audio_text_retrieval" not in NOT_ASKED:
    HEARD_RUNS += [
        f"{folder}/other_tasks"
        for folder in LABEL_RUNS
        if Path(folder).parent.name == f"seed{SEEDS[0]}"
    ]
HEARD_CLIPS = [
    f"<data>/{TEXT_DATASET}/{name}"
    for shard in shards(config, TEXT_DATASET)
    for name in (f"audio/{shard}.parquet", f"images/{shard}.parquet")
    if HEARD_RUNS
]
if METHODS:
    PLOTS += ["<results>/report/index.html"]
# Runs that `hearsay search` can ask: of the methods named there those that are run, of one seed.
SEARCHES = [
    f"<results>/search/{method}/seed{SEEDS[0]}/index.json"
    for method in config["search"]["methods"]
    if method in METHODS
]
DISAGREEMENT = [
    *expand("<results>/tables/disagreement.{suffix}", suffix=["csv", "md", "tex"]),
    *expand("<results>/plots/disagreement.{suffix}", suffix=["svg", "png"]),
]
