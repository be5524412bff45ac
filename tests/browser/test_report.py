"""The report in a browser: opened from disk, it must need nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from hearsay.report.page import make_report_page
from tests.reported import HOSTILE, make_page_files


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = make_page_files(tmp_path_factory.mktemp("report"))
    make_report_page(**files)
    return files["page"]


@pytest.fixture
def report(page: Page, path: Path) -> Iterator[Page]:
    """The open page, which must ask for nothing over a network."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    yield page
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def _column(report: Page, number: int) -> list[str]:
    cells = report.locator(f"#table-table_9 tbody td:nth-child({number})")
    return [text.strip() for text in cells.all_text_contents()]


def test_a_table_sorts_by_click_and_by_key_within_its_blocks(report: Page) -> None:
    heads = report.locator("#table-table_9 th[scope=col]")
    button = heads.nth(1).get_by_role("button")
    button.click()
    assert heads.nth(1).get_attribute("aria-sort") == "descending"
    assert _column(report, 2) == ["10.2 ± 0.3", "9.5 ± 1.0", "–", "1,155", "−3"]
    button.press("Enter")
    assert heads.nth(1).get_attribute("aria-sort") == "ascending"
    assert _column(report, 2) == ["9.5 ± 1.0", "10.2 ± 0.3", "–", "−3", "1,155"]
    button.press("Space")
    assert heads.nth(1).get_attribute("aria-sort") == "none"
    assert _column(report, 1) == ["b|ar", "alpha", "c", "d", "e"]
    heads.nth(0).get_by_role("button").click()
    assert heads.nth(0).get_attribute("aria-sort") == "ascending"
    assert _column(report, 1) == ["alpha", "b|ar", "c", "d", "e"]
    assert _column(report, 3)[1] == HOSTILE
    assert report.locator("#table-table_9 tr.block").all_text_contents() == ["after another stage"]


def test_tables_but_the_first_are_folded_until_somebody_asks_for_them(
    report: Page, path: Path
) -> None:
    groups = report.locator("details.group")
    assert groups.evaluate_all("(all) => all.map((one) => one.open)") == [True, False]
    report.locator(".contents a").nth(1).click()
    assert groups.nth(1).get_attribute("open") is not None
    report.goto("about:blank")
    report.goto(path.as_uri() + "#table-scores")
    assert groups.nth(1).get_attribute("open") is not None
    report.evaluate("location.hash = '#plots'")
    groups.nth(1).locator("> summary").click()
    assert groups.nth(1).get_attribute("open") is None
    report.evaluate("location.hash = '#table-scores'")
    report.wait_for_function("document.getElementById('table-scores').open")
    groups.nth(1).locator("> summary").click()
    report.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert groups.nth(1).get_attribute("open") is not None


def test_the_first_column_and_the_headers_stay_in_sight(report: Page) -> None:
    box = report.locator("#table-table_9 .wide")
    box.scroll_into_view_if_needed()
    corner = box.evaluate(
        "(box) => { box.style.maxHeight = '6rem'; box.style.width = '14rem'; box.scrollTo(60, 60);"
        " const place = box.getBoundingClientRect(); return document.elementFromPoint("
        "place.x + 15, place.y + 12).closest('th,td') === box.querySelector('thead th'); }"
    )
    assert corner
    assert box.evaluate("(box) => box.scrollLeft > 20 && box.scrollTop > 20")


def test_a_long_table_is_searched_and_sorted_as_a_whole(report: Page) -> None:
    report.locator("#table-scores > summary").click()
    report.locator("#table-scores summary", has_text="rows").click()
    rows = report.locator("#table-scores tbody tr")
    assert rows.count() == 200
    report.locator("#table-scores th button").nth(1).click()
    assert rows.first.text_content() == "a2.99"
    report.get_by_role("searchbox").fill("2.50")
    assert report.get_by_role("status").text_content() == "0 of 300 rows"
    report.get_by_role("searchbox").fill("A 2.5")
    assert report.get_by_role("status").text_content() == "10 of 300 rows"


def test_hits_open_play_and_show_what_was_heard(report: Page) -> None:
    example = report.locator("#example-0")
    example.scroll_into_view_if_needed()
    cards = example.locator(".clip")
    cards.first.wait_for()
    assert "the right clip" in cards.first.text_content()
    assert cards.first.locator("polyline.line-0").count() >= 1
    assert example.locator(".system").count() == 3
    assert example.locator(".hit.right").count() == 3, "every system has it"
    example.get_by_label("Phrases over time").select_option("")
    legend = cards.first.locator(".legend li").all_text_contents()
    assert legend == ["labelled as heard", "word_align", "word_align_paper", "vip_ant"]
    wrong = example.locator(".system").nth(1).locator(".hit.wrong").first
    wrong.focus()
    wrong.press("Enter")
    assert wrong.get_attribute("aria-expanded") == "true"
    opened = example.locator(".system").nth(1).locator(".clip")
    assert "wrong clip, place" in opened.text_content()
    report.wait_for_function(
        "(card) => { const c = card.querySelector('canvas'); if (c.width !== 300) return false;"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "return new Set(d).size > 50; }",
        arg=opened.element_handle(),
    )
    audio = opened.locator("audio")
    audio.evaluate("(audio) => audio.play()")
    report.wait_for_function("(audio) => audio.currentTime > 0.3", arg=audio.element_handle())
    assert audio.evaluate("(audio) => audio.duration") == pytest.approx(10, abs=0.2)
    wrong.click()
    assert opened.count() == 0


def test_curves_are_drawn_for_every_seed_and_follow_the_choice(report: Page) -> None:
    report.locator("#curve").scroll_into_view_if_needed()
    lines = report.locator("#curve .scatterlayer .trace")
    lines.first.wait_for()
    assert lines.count() == 6
    assert report.locator("#curve .legend .traces").count() == 3
    report.get_by_label("Shown").select_option("val_loss")
    report.locator("#curve .ytitle", has_text="validation loss").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_all_of_it_in_its_width(report: Page, scheme: str) -> None:
    report.emulate_media(color_scheme=scheme)
    report.set_viewport_size({"width": 360, "height": 800})
    for name in ("tables", "example-0", "example-5", "curve", "plots"):
        report.locator(f"#{name}").scroll_into_view_if_needed()
        report.wait_for_timeout(100)
    assert report.evaluate("document.documentElement.scrollWidth") == 360
    page, ink = (
        report.evaluate(f"getComputedStyle(document.body).{name}")
        for name in ("backgroundColor", "color")
    )
    assert (page == "rgb(255, 255, 255)") == (scheme == "light") and page != ink


def test_every_image_is_whole_and_named(report: Page) -> None:
    report.locator("#plots").scroll_into_view_if_needed()
    image = report.locator("#plots img")
    report.wait_for_function("(image) => image.naturalWidth > 100", arg=image.element_handle())
    assert report.locator("img:not([alt])").count() == 0
