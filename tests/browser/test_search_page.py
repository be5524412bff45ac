"""The page of `hearsay serve`, used as people use it, over a small trained run."""

import re
from contextlib import ExitStack

import pytest

from hearsay.search.engine import Engine
from tests.search.searched_runs import NUM_IMAGES, make_searched
from tests.serve.loopback import serving
from tests.serve.media import picture_file, sound_file

pytestmark = pytest.mark.slow

PLAYS = "() => document.querySelector('.clip audio').currentTime > 0.2"
# A dropped file: its bytes as numbers, or how many zeros it holds.
MADE = """([name, kind, content]) => {
  const made = new DataTransfer();
  made.items.add(new File([new Uint8Array(content)], name, {type: kind}));
  return made;
}"""
TONE = {"name": "tone.wav", "mimeType": "audio/wav", "buffer": sound_file()}
CUT = {"name": "cut.wav", "mimeType": "audio/wav", "buffer": sound_file()[:20_000]}


@pytest.fixture(scope="module")
def addresses(tmp_path_factory):
    """A server for each kind of run: of pictures, of words, of labels."""
    searched = make_searched(tmp_path_factory.mktemp("searched"))
    with ExitStack() as stack:
        found = {}
        for method in ("pictures", "words", "labels"):
            engine = Engine.open(searched.index(method))
            stack.callback(engine.close)
            loopback = stack.enter_context(serving(engine))
            found[method] = f"http://127.0.0.1:{loopback.port}/"
        yield found


@pytest.fixture
def address(addresses):
    return addresses["pictures"]


def wait_for_hits(page, words):
    page.wait_for_function(
        "words => document.getElementById('status').textContent.includes(words)", arg=words
    )


def overflow(page):
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_a_query_returns_clips_that_play_and_show_when_it_is_heard(page, address):
    page.goto(address)
    page.get_by_label("Search in words").fill("a dog")
    page.get_by_role("button", name="Search", exact=True).click()
    wait_for_hits(page, "10 clips for “a dog”")
    first = page.locator("#results .clip").first
    first.locator("polyline").wait_for()
    assert first.locator("polyline").get_attribute("points").count(",") > 10
    assert first.locator(".track-name").first.text_content() == "a dog"
    assert first.locator("rect").count() == 2  # the labelled segments
    hrefs = [link.get_attribute("href") for link in page.locator("#results .clip a").all()]
    assert hrefs and all(href.startswith("https://www.youtube.com/watch?v=") for href in hrefs)
    for link in page.locator("#results .clip a").all():  # words and address name the same second
        at = re.search(r"&t=(\d+)s", link.get_attribute("href"))
        assert link.text_content() == f"source at {at.group(1)} s" if at else "source"
    assert first.locator(".clip-captions li").count() == 1
    assert first.locator("img").count() == NUM_IMAGES
    page.wait_for_function("() => document.querySelector('.clip canvas').width > 20")
    page.wait_for_function("() => document.querySelector('.clip img').naturalWidth === 48")
    first.locator("audio").evaluate("audio => audio.play()")
    page.wait_for_function(PLAYS)


def test_far_clips_are_fetched_when_they_come_near(page, address):
    page.goto(address + "?q=a+bell&k=20")
    wait_for_hits(page, "13 clips")  # all that there are
    page.locator("#results .clip audio").first.wait_for()
    assert page.locator(".clip.waiting").count() > 3
    page.locator("#results .clip").last.scroll_into_view_if_needed()
    page.locator("#results .clip").last.locator("audio").wait_for()


def test_the_address_holds_the_question_and_back_works(page, address):
    page.goto(address + "?q=a+bell&k=5")
    wait_for_hits(page, "5 clips for “a bell”")
    page.get_by_label("Search in words").fill("a car & more")
    page.get_by_label("Search in words").press("Enter")
    wait_for_hits(page, "5 clips for “a car & more”")
    assert page.url == address + "?q=a+car+%26+more&k=5"
    assert page.title() == "a car & more – hearsay"
    page.go_back()
    wait_for_hits(page, "5 clips for “a bell”")
    assert page.get_by_label("Search in words").input_value() == "a bell"
    page.go_forward()
    wait_for_hits(page, "a car & more")
    page.get_by_role("link", name="hearsay").click()
    wait_for_hits(page, "Say in words")
    assert page.url == address
    assert page.locator("#results .clip").count() == 0


def test_an_upload_finds_clips_and_words_and_says_that_it_cannot_be_shared(page, address):
    page.goto(address)
    page.locator("#file").set_input_files(TONE)
    wait_for_hits(page, "10 clips for tone.wav")
    assert "cannot be shared" in page.locator(".asked").text_content()
    page.wait_for_function("() => document.querySelector('.asked audio').duration > 1.9")
    page.get_by_label("Find").select_option("captions")
    page.locator("#file").set_input_files(TONE)
    wait_for_hits(page, "10 captions for tone.wav")
    assert page.locator(".clip-title").first.text_content().startswith("1. “")
    page.get_by_label("Find").select_option("labels")
    page.locator("#file").set_input_files(TONE)
    wait_for_hits(page, "3 labels for tone.wav")
    page.go_back()
    wait_for_hits(page, "10 captions for tone.wav")


def test_a_dropped_picture_finds_clips(page, address):
    page.goto(address)
    wait_for_hits(page, "Say in words")
    numbers = list(picture_file("PNG", (20, 20)))
    dropped = page.evaluate_handle(MADE, ["seen.png", "image/png", numbers])
    page.dispatch_event("main", "drop", {"dataTransfer": dropped})
    wait_for_hits(page, "10 clips for seen.png")
    assert page.locator(".asked img").count() == 1


def test_a_broken_upload_is_told_why_and_the_next_question_works(page, address, expected_errors):
    expected_errors.append("status of 422")
    page.goto(address)
    page.locator("#file").set_input_files(CUT)
    problem = page.get_by_role("alert")
    problem.wait_for()
    assert problem.text_content() == "The sound is broken: a packet of the sound is damaged."
    page.get_by_label("Search in words").fill("a dog")
    page.get_by_label("Search in words").press("Enter")
    wait_for_hits(page, "10 clips")
    assert problem.is_hidden()


def test_a_file_that_is_too_large_is_not_even_sent(page, address):
    page.goto(address)
    wait_for_hits(page, "Say in words")
    large = page.evaluate_handle(MADE, ["large.wav", "audio/wav", 25 * 2**20 + 1])
    page.dispatch_event("main", "drop", {"dataTransfer": large})
    page.get_by_role("alert").wait_for()
    assert page.get_by_role("alert").text_content() == "The file is larger than 25 MiB."


def test_words_that_the_run_does_not_know_are_told(page, addresses, expected_errors):
    page.goto(addresses["words"] + "?q=dog+zzz")
    wait_for_hits(page, "10 clips for “dog zzz”")
    told = "Not known to this run, and left out: zzz"
    assert page.locator("#results > p").text_content() == told
    assert page.locator("#others").is_visible()
    expected_errors.append("status of 422")
    page.get_by_label("Search in words").fill("zzz")
    page.get_by_label("Search in words").press("Enter")
    page.get_by_role("alert").wait_for()
    assert page.locator("#results .clip").count() == 0


def test_a_run_of_labels_offers_what_it_finds(page, addresses):
    page.goto(addresses["labels"])
    wait_for_hits(page, "Say in words")
    page.locator("#file").set_input_files(TONE)
    wait_for_hits(page, "for tone.wav")
    assert page.locator("#results").locator(".track polyline").count() == 0


def test_the_microphone_records_until_it_is_stopped(page, address):
    page.goto(address)
    page.get_by_role("button", name="Record").click()
    stop = page.get_by_role("button", name="Stop (9 s left)")
    stop.wait_for()
    stop.click()
    wait_for_hits(page, "10 clips for your recording")
    assert page.get_by_role("button", name="Record").is_enabled()


def test_a_second_press_while_the_browser_asks_for_the_microphone_starts_nothing(page, address):
    page.add_init_script(
        "const given = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "window.asked = 0;"
        "navigator.mediaDevices.getUserMedia = async (what) => {"
        " window.asked += 1;"
        " await new Promise((resolve) => { window.allow = resolve; });"
        " return given(what); }"
    )
    page.goto(address)
    button = page.locator("#record")
    button.click()
    page.wait_for_function("() => window.asked === 1")
    button.click()
    assert page.evaluate("window.asked") == 1
    page.evaluate("window.allow()")
    page.get_by_role("button", name="Stop (9 s left)").click()
    wait_for_hits(page, "10 clips for your recording")
    assert button.text_content() == "Record"


def test_a_browser_without_a_microphone_is_told_so(page, address):
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    page.goto(address)
    wait_for_hits(page, "Say in words")
    assert page.get_by_role("button", name="Record").is_disabled()
    assert "No recording: this browser cannot record." in page.locator("#drop-note").text_content()


def test_a_refused_microphone_is_told(page, address):
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => {"
        " throw new DOMException('no', 'NotAllowedError'); }"
    )
    page.goto(address)
    page.get_by_role("button", name="Record").click()
    page.get_by_role("alert").wait_for()
    assert "microphone was not allowed" in page.get_by_role("alert").text_content()
    page.evaluate("document.getElementById('problem').hidden = true")
    page.get_by_role("button", name="Record").click()  # and can be asked for once more
    page.get_by_role("alert").wait_for()


def test_all_can_be_done_by_keyboard(page, address):
    page.goto(address)
    wait_for_hits(page, "Say in words")
    focus = "document.activeElement.id || document.activeElement.className"
    order = []
    for _ in range(8):
        page.keyboard.press("Tab")
        order.append(page.evaluate(focus))
    assert order[:3] == ["skip", "home", "q"]
    assert {"k", "choose", "record", "find"} <= set(order)
    page.locator("#q").focus()
    page.keyboard.type("a bell")
    page.keyboard.press("Enter")
    wait_for_hits(page, "10 clips")
    page.locator("#results .clip").first.locator("audio").wait_for()
    page.locator(".skip").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.activeElement.id === 'results'")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('role')") == "slider":
            break
    page.keyboard.press("Space")
    page.wait_for_function(PLAYS)


@pytest.mark.parametrize("path", ["", "?q=a+dog&k=5"])
def test_nothing_is_wider_than_a_telephone(page, address, path):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address + path)
    wait_for_hits(page, "Say in words" if not path else "5 clips")
    if path:
        page.locator("#results .clip audio").first.wait_for()
    assert overflow(page) <= 0


def test_a_server_that_is_gone_is_told(page, address, expected_errors):
    expected_errors.append("net::ERR_")
    page.goto(address)
    wait_for_hits(page, "Say in words")
    page.route("**/api/search*", lambda route: route.abort("connectionrefused"))
    page.locator("#q").fill("a dog")
    page.locator("#q").press("Enter")
    page.get_by_role("alert").wait_for()
    assert "does not answer" in page.get_by_role("alert").text_content()
