"""The camera says what is wrong with a page, and the index shows what was taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from bench.screenshots import Camera, index, is_wanted, name_of

ADDRESS = "http://portal.invalid/"
RIGHT = "<!DOCTYPE html><title>A page</title><p>What it says.</p>"
WIDE = f"{RIGHT}<table><tr><td><pre>{'W' * 200}</pre></table>"
LOUD = f"{RIGHT}<script>console.warn('deprecated')</script>"


@pytest.mark.browser
@pytest.mark.parametrize(
    ("body", "status", "wrong"),
    [
        (RIGHT, 200, []),
        (WIDE, 200, ["first-run, home at 390: is wider than its screen"]),
        (LOUD, 200, [f"first-run, home at {width}: says in the console: deprecated" for width in (1280, 390)]),
        (RIGHT, 500, ["first-run, home at 1280: answers 500"]),
    ],
    ids=["right", "wide", "loud", "broken"],
)
def test_a_page_is_held_against_what_all_keep(
    browser: Browser, tmp_path: Path, body: str, status: int, wrong: list[str]
) -> None:
    camera = Camera(browser, tmp_path)
    camera.page.route("**/*", lambda route: route.fulfill(body=body, status=status, content_type="text/html"))
    camera.take("first-run", "home", ADDRESS)
    found = [each for each in camera.wrong if "Failed to load" not in each]
    assert found[-1:] == wrong[-1:]
    assert len(found) >= len(wrong)
    if status == 200:
        assert len(list(tmp_path.glob("first-run-home-*.png"))) == 4
    camera.page.context.close()


def test_the_index_shows_all_pictures() -> None:
    shown = index([("empty", "home"), ("empty", "list")])
    assert shown.count("<img") == 8
    assert 'src="empty-list-390-dark.png"' in shown


def test_some_pictures_are_asked_for_by_words_of_their_names() -> None:
    assert is_wanted("running", "home", [])
    assert is_wanted("running", "home", ["names", "run"])
    assert not is_wanted("running", "home", ["names"])


def test_pages_of_one_kind_have_one_name() -> None:
    one, other = (f"http://sandbox/documents/{digit * 8}-0000-4000-8000-{digit * 12}/edit" for digit in "12")
    assert name_of(one) == name_of(other) == "documents-one-edit"
    assert name_of("http://sandbox/") == ""
