"""Estimates against numbers worked by hand."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from hearsay import cli
from hearsay.annotations.index import ARCHIVE_READERS, READERS
from hearsay.config import merge
from hearsay.errors import HearsayError
from hearsay.estimate.data import data_amount, disk_bytes, stores
from hearsay.estimate.estimate import Estimate, estimate, estimate_run
from hearsay.estimate.jobs import parse_jobs
from hearsay.estimate.rates import Rates, load_rates
from hearsay.estimate.table import format_bytes, format_estimate, two_digits
from hearsay.estimate.work import STAGE_OF, TABLES

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow" / "schemas" / "rates.schema.yaml"
HOUR = 3600


@pytest.fixture(scope="module")
def rates() -> Rates:
    return load_rates(ROOT / "workflow" / "rates.yaml", SCHEMA)


@pytest.fixture
def fresh_log() -> Iterator[None]:
    yield
    for handler in list(cli.log.handlers):
        cli.log.removeHandler(handler)


def read_config(name: str | None = None) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    if name is None:
        return config
    return merge(config, yaml.safe_load((ROOT / f"workflow/configs/{name}.yaml").read_text()))


@pytest.fixture(scope="module")
def tsubaki(rates: Rates) -> Estimate:
    jobs = {"fetch_clips": 1425, "train_run": 36, "score_run": 36, "embed_images": 1390}
    return estimate_run(read_config("tsubaki2024"), jobs, rates)


def stage(found: Estimate, name: str) -> Any:
    return next(each for each in found.work if each.stage == name)


def test_the_disk_of_audioset_is_worked_by_hand(tsubaki: Estimate, rates: Rates) -> None:
    clips = 0.82 * (2_084_320 + 51_308)
    disk = tsubaki.disk_bytes
    assert disk["fbank"] == pytest.approx(clips * 1000 * 128 * 2)
    assert disk["image embeddings"] == pytest.approx(0.82 * 2_084_320 * 4 * 512 * 2)
    flac = rates.values["stored_bytes"]["flac_per_sample"]
    assert disk["sound (FLAC)"] == pytest.approx(clips * 160_000 * flac)
    # 5 methods of 306 tokens and one of 71, which has fewer positions; 3 seeds, 2 stages, 2 copies
    parameters = 88_045_824 * 5 + 88_045_824 - (306 - 71) * 768
    assert disk["models of runs"] == 4 * 2 * 3 * 2 * parameters
    assert "encoders" not in disk, "no job makes them here"
    assert "logmel" not in disk and "wal net" not in disk


def test_downloads_last_as_long_as_the_limit_says(tsubaki: Estimate, rates: Rates) -> None:
    audiocaps, audioset = tsubaki.downloads
    assert audioset.days == pytest.approx(2_084_320 / 300 / 24)  # 289 days
    assert audioset.account_days == pytest.approx(2_084_320 / 2000 / 24)
    assert audiocaps.clips == 51_308
    free = read_config("tsubaki2024")
    free["datasets"]["audioset"]["fetch"]["clips_per_hour"] = None
    text = format_estimate(estimate_run(free, {}, rates), "a config")
    line = next(line for line in text.splitlines() if "no limit" in line)
    assert line.split() == ["audioset", "2,084,320", "no", "limit", "–", "43"]


def test_training_takes_its_operations_over_the_rate(tsubaki: Estimate, rates: Rates) -> None:
    train, val = (0.82 * count for count in (2_041_789, 22_160))
    a_clip = 52.0e9
    one = 30 * (3 * train + val) * a_clip  # a training of the first stage
    # 5 methods alike; multiframe_match has 284 tokens instead of 306, and less attention
    lower, upper = 3 * one * 5.8, 3 * one * 6 * 1.03  # the second stage adds under 3 %
    assert lower < tsubaki.training_flops < upper
    of_operations = tsubaki.training_flops / rates.values["gpu_flops"]["transformer"]
    steps = 18 * (30 * 13_080 + 20 * 639)  # 1,674,267 clips of 128, 40,867 of 64
    expected = of_operations + steps * rates.values["step_s"]["gpu"]
    assert stage(tsubaki, "train").card_s == pytest.approx(expected, rel=1e-4)
    without = tsubaki.training_flops / rates.values["cpu_flops"]["transformer"]
    assert stage(tsubaki, "train").core_s == pytest.approx(without, rel=0.01)


def test_fetching_takes_every_listed_clip_and_the_start_of_every_job(
    tsubaki: Estimate, rates: Rates
) -> None:
    values = rates.values
    expected = 1425 * values["start_s"]["fetch"] + 2_135_628 * values["fetch_s"]["video"]
    assert stage(tsubaki, "fetch").core_s == pytest.approx(expected)
    assert stage(tsubaki, "fetch").card_s == 0
    decoded = (
        0.82 * 2_135_628 * (4 * values["picture_s"]["video"] + 10 * values["sound_s"]["video"])
    )
    assert stage(tsubaki, "decode").core_s == pytest.approx(decoded)


def test_the_demo_is_known_from_its_config(rates: Rates) -> None:
    config = read_config()
    data = data_amount(config, "demo", rates)
    assert (data.listed, data.test, data.val, data.train) == pytest.approx((800, 228, 38, 494))
    assert data.captions == pytest.approx(494 + 5 * (228 + 38))
    assert stores(config, "demo") == [
        *("fbank", "image_embeddings", "logmel", "mfcc", "wal_logmel", "wal_net")
    ]
    assert disk_bytes(config, [data], 128, rates)["fbank"] == pytest.approx(760 * 500 * 64 * 2)


def test_what_is_expected_is_known_of_every_reader(rates: Rates) -> None:
    assert set(rates.readers) == {*READERS, *ARCHIVE_READERS}


def test_the_demo_is_estimated_within_a_factor_of_two_of_what_it_took(rates: Rates) -> None:
    """Of docs/measurements.md, "The estimate against the demo"."""
    jobs = {"draw_corpus": 1, "prepare_clip": 1, "fetch_clips": 4, "decode_clips": 4}
    jobs |= {"extract_fbank": 4, "extract_logmel": 4, "extract_mfcc": 4, "extract_wal_logmel": 4}
    jobs |= {"embed_images": 4, "embed_wal_net": 4, "prepare_wal_net": 1, "embed_captions": 1}
    jobs |= {"train_run": 51, "score_run": 42, "ground_run": 24, "score_labels": 9}
    found = estimate_run(read_config(), jobs, rates)
    core_s = sum(each.core_s for each in found.work)
    assert 2670 / 2 < core_s < 2670 * 2
    assert 1.39e9 / 2 < sum(found.disk_bytes.values()) < 1.39e9 * 2
    # clip.pt has 29 MB; 5,000 pictures of the corpus
    encoders = found.disk_bytes["encoders"]
    assert encoders == pytest.approx(29.4e6 + 18e6 + 5000 * 17_400, rel=0.1)


def test_a_data_set_without_pictures_fetches_sound_alone(rates: Rates) -> None:
    config = read_config("xie2022")
    data = data_amount(config, "audiogrounding", rates)
    assert data.media == "sound"
    assert stores(config, "audiogrounding") == ["logmel"]
    found = estimate_run(config, {"train_run": 15}, rates)
    assert found.networks == ["crnn"]
    text = format_estimate(found, "xie2022")
    assert "media_bytes_per_s.sound" in text and "gpu_flops.crnn" in text
    assert "gpu_flops.transformer" not in text


@pytest.mark.parametrize("name", ["tsubaki2024", "xie2022", "elizalde2019", "esc10_folder"])
def test_the_text_fits_into_80_columns_and_names_what_is_assumed(rates: Rates, name: str) -> None:
    jobs = dict.fromkeys(STAGE_OF, 1425)
    found = estimate_run(read_config(name), jobs, rates)
    text = format_estimate(found, f"workflow/configs/{name}.yaml")
    assert max(map(len, text.splitlines())) <= 80
    assert ("* Assumed, not measured" in text) == (name != "esc10_folder")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2_135_628, "2,100,000"),
        (289.5, "290"),
        (99.6, "100"),
        (27.4, "27"),
        (8.64, "8.6"),
        (9.96, "10"),
        (0.123, "0.12"),
        (0.0864, "0.086"),
        (0.009, "< 0.01"),
        (0, "0"),
    ],
)
def test_numbers_have_two_digits(value: float, text: str) -> None:
    assert two_digits(value) == text


def test_bytes_have_a_unit() -> None:
    texts = [format_bytes(amount) for amount in (1.23e12, 4.48e11, 7e6, 1000)]
    assert texts == ["1.2 TB", "450 GB", "7.0 MB", "< 0.01 MB"]


def test_every_rule_of_a_stage_is_a_rule_of_the_workflow() -> None:
    files = (ROOT / "workflow" / "rules").glob("*.smk")
    rules = {
        line.split()[1].rstrip(":")
        for file in files
        for line in file.read_text().splitlines()
        if line.startswith("rule ")
    }
    assert set(STAGE_OF) <= rules
    left = {rule for rule in rules - set(STAGE_OF) if not rule.startswith(("make_", "plot_"))}
    assert left == {"collect_scores", "compare_methods", "count_choices"}, "tables and plots"
    assert TABLES not in STAGE_OF.values()


def test_a_dry_run_that_printed_no_table_is_an_error() -> None:
    rows = [
        "job      count",
        "-----  -------",
        "all          1",
        "x_y         12",
        "total       13",
    ]
    printed = "\n".join(["Job stats:", *rows, ""])
    assert parse_jobs(printed) == {"x_y": 12}
    with pytest.raises(HearsayError, match="printed no table of jobs"):
        parse_jobs("Nothing to be done.")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"rates": {"cpu_flops": {"crnn": {"value": 0}}}}, "rates.cpu_flops.crnn.value: 0 is less"),
        ({"rates": {"cpu_flops": {"crnn": {"how": ""}}}}, "rates.cpu_flops.crnn.how: '' "),
        ({"rates": {"speed": {}}}, "rates: Additional properties are not allowed"),
        ({"readers": {"audioset": {"available": 2}}}, "readers.audioset.available: 2 is greater"),
    ],
)
def test_rates_of_your_own_are_checked(tmp_path: Path, change: dict[str, Any], line: str) -> None:
    own = merge(yaml.safe_load((ROOT / "workflow" / "rates.yaml").read_text()), change)
    (tmp_path / "rates.yaml").write_text(yaml.safe_dump(own))
    with pytest.raises(HearsayError, match="rates .*rates.yaml: ") as error:
        load_rates(tmp_path / "rates.yaml", SCHEMA)
    assert line in str(error.value)
    with pytest.raises(HearsayError, match="No such file.*--rates"):
        load_rates(tmp_path / "none.yaml", SCHEMA)


@pytest.mark.usefixtures("fresh_log")
def test_the_command_asks_snakemake_and_takes_files_that_are_not_there_yet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """xie2022 asks for word vectors that nobody has here."""
    monkeypatch.chdir(tmp_path)
    own = yaml.safe_load((ROOT / "workflow" / "rates.yaml").read_text())
    own["rates"]["start_s"]["train"]["value"] = 7200.0
    (tmp_path / "rates.yaml").write_text(yaml.safe_dump(own))
    arguments = ["estimate", "--configfile", str(ROOT / "workflow/configs/xie2022.yaml"), "--json"]
    arguments += ["--snakefile", str(ROOT / "Snakefile"), "--rates", str(tmp_path / "rates.yaml")]
    assert cli.main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["jobs"]["train_run"] == 15 and found["jobs"]["fetch_clips"] == 10
    train = next(each for each in found["work"] if each["stage"] == "train")
    assert train["jobs"] == 15 and train["card_core_s"] > 15 * 7200
    assert [path.name for path in tmp_path.iterdir()] == ["rates.yaml"], "nothing is left here"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("benchmark: {methods: [vip_aunt]}", "'vip_aunt' is not defined under methods"),
        ("benchmark: {methods: [", "own.yaml: no YAML: while parsing"),
        ("", "own.yaml holds no options"),
        (None, "own.yaml: No such file or directory; run this where"),
    ],
)
def test_a_config_that_cannot_be_run_is_one_line(
    tmp_path: Path, content: str | None, line: str
) -> None:
    own = tmp_path / "own.yaml"
    if content is not None:
        own.write_text(content)
    with pytest.raises(HearsayError) as error:
        estimate([own], ROOT / "Snakefile", None)
    assert line in str(error.value)


def test_where_there_is_no_workflow_the_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(HearsayError, match="config.yaml: No such .*name the latter with --snake"):
        estimate([], tmp_path / "Snakefile", None)


def test_files_of_a_users_own_need_not_be_there_and_lie_over_each_other(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    fetch = {"cookies": "none.txt", "clips_per_hour": 1000}
    own.write_text(yaml.safe_dump({"datasets": {"audiocaps": {"fetch": fetch}}}))
    configs = [ROOT / "workflow/configs/audiocaps.yaml", own]
    (download,) = estimate(configs, ROOT / "Snakefile", None).downloads
    assert download.clips_per_hour == 1000
