"""Every page in a browser: axe finds nothing in either theme, nothing is wider than its screen, no console says a word.

The pages are those of the portal's own list of addresses, with a row in every table behind them, so new ones are
looked at with the others. A page is loaded once: wide and light, then narrow and dark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page

from c3portal.http.tests.test_permissions import ROWS, people, sessions, things  # noqa: F401
from c3portal.models import roles
from c3portal.tests.attack.conftest import client_of, open_for_attack  # noqa: F401
from c3portal.tests.attack.test_texts import METRICS, everything, reverse_of  # noqa: F401
from invoices.conftest import woken  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# Chromium says so of the typeface where a busy machine has drawn nothing three seconds after loading.
NOT_DRAWN_YET = "was preloaded using link preload but not used within a few seconds"
AXE = AXE_FILE_PATH.read_text()
# Its rules for size are not among those that it runs by itself.
ALL_RULES = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
# What the theme and the width can change.
CHANGED_RULES = {"runOnly": ["color-contrast", "target-size"], "resultTypes": ["violations"]}


def pages(client_of: Callable[..., Client], things: dict[str, Any]) -> Iterator[tuple[str, str, str]]:  # noqa: F811
    """Yield kind of user, name and path of every address that answers one of them with a page."""
    for row in ROWS:
        for kind in (roles.SYSTEM_ADMIN, "nobody"):
            path = reverse_of(row, things, kind)
            answer = client_of(kind).get(path) if row.get else None
            if answer and answer.status_code == 200 and not answer.streaming and b"<!DOCTYPE html>" in answer.content:
                yield kind, row.name, path
                break


class Viewer:
    """Someone's browser, whose console is heard."""

    def __init__(self, browser: Browser, portal: str, session: str) -> None:
        context = browser.new_context(reduced_motion="reduce")
        if session:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": portal}])
        self.page = context.new_page()
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))


@pytest.fixture
def viewers(browser: Browser, portal: str, sessions: dict[str, str]) -> Iterator[dict[str, Viewer]]:  # noqa: F811
    """The browsers of a System Admin and of nobody."""
    opened = {kind: Viewer(browser, portal, sessions[kind]) for kind in (roles.SYSTEM_ADMIN, "nobody")}
    yield opened
    for viewer in opened.values():
        viewer.page.context.close()


def found_by_axe(page: Page, rules: dict[str, Any]) -> list[str]:
    found = page.evaluate("rules => axe.run(rules)", rules)["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html'][:160]} ({len(each['nodes'])} ×)" for each in found]


def looked_at(viewer: Viewer, address: str) -> Iterator[str]:
    """Yield what is wrong with the page at this address."""
    page = viewer.page
    viewer.said.clear()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(address)
    # No function is given to the page to wait for: its policy evaluates no text.
    page.wait_for_selector(".htmx-request", state="detached")
    page.evaluate(AXE)
    yield from found_by_axe(page, ALL_RULES)
    yield from ["wider than 1280"] * page.evaluate(WIDER)
    page.emulate_media(color_scheme="dark")
    # So high that no bar at its lower edge covers half of what is touched.
    page.set_viewport_size({"width": 390, "height": 4000})
    yield from ["wider than 390"] * page.evaluate(WIDER)
    yield from (f"dark, 390: {each}" for each in found_by_axe(page, CHANGED_RULES))
    yield from (each for each in viewer.said if NOT_DRAWN_YET not in each)


def test_every_page_is_accessible_inside_its_screen_and_silent(
    portal: str,
    everything: dict[str, Any],  # noqa: F811
    client_of: Callable[..., Client],  # noqa: F811
    viewers: dict[str, Viewer],
) -> None:
    # Found before the first is looked at: who signed in long ago is asked for the password in place of some.
    found = list(pages(client_of, everything))
    assert len(found) > 70
    wrong = [
        f"{name} ({path}): {each}" for kind, name, path in found for each in looked_at(viewers[kind], f"{portal}{path}")
    ]
    assert not wrong, "\n".join(wrong)
