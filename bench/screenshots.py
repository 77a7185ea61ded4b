"""Pictures of every page, in both themes and both widths, and of the states that matter: `make screenshots`.

A portal and the sandboxes start on free ports of this machine with a state folder of their own, go through the scenes
of `bench.scenes`, and are looked at with Chromium. The pictures and an index.html go to var/screenshots/. Each page is
held against what all pages keep: the browser says nothing in its console, and nothing is wider than its screen. Exits 1
when one does not. `--only WORD …` takes the pictures of the scenes and pages whose names have one of the words.
"""

from __future__ import annotations

import argparse
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from bench import scenes
from bench.environment import BASE_DIR, Stage
from c3_sandbox.testing import C3SandboxProcess

FOLDER = BASE_DIR / "var" / "screenshots"
WIDTHS = {1280: 800, 390: 844}
THEMES = ("light", "dark")
# Longer pages go on as they begin.
MOST_HEIGHT = 2600
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
STILL = "Promise.allSettled(document.getAnimations().map(each => each.finished))"
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
# What a sandbox names its things by: pages that differ in that alone are one page.
NAMED = re.compile(r"[0-9A-F]{32}|[0-9a-f-]{36}|(?<=/)\d+(?=/)|![\w]+|(?<=customers/)[^/]+")
FOR_NOBODY = ("account_login", "account_reset_password", "account_reset_password_done", "invitation")


class Camera:
    """Takes pictures of one person's pages, and keeps what was wrong with them."""

    def __init__(self, browser: Browser, folder: Path, cookie: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.wrong: list[str] = []
        self.taken: list[tuple[str, str]] = []
        self._said: list[str] = []
        context = browser.new_context(reduced_motion="reduce")
        if cookie:
            context.add_cookies([cookie])  # type: ignore[list-item]
        self.page = context.new_page()
        self.page.on("console", lambda message: self._said.append(message.text))
        self.page.on("pageerror", lambda error: self._said.append(str(error)))

    def take(self, scene: str, name: str, address: str) -> None:
        """Take the pictures of one page, and hold it against what all pages keep."""
        self.taken.append((scene, name))
        for width, height in WIDTHS.items():
            self._said.clear()
            self.page.set_viewport_size({"width": width, "height": height})
            answer = self.page.goto(address)
            if not answer or answer.status != 200:
                self._complain(scene, name, width, f"answers {answer and answer.status}")
                return
            # No function is given to the page to wait for: its policy evaluates no text.
            self.page.wait_for_selector(".htmx-request", state="detached")
            for theme in THEMES:
                self._picture(width, theme, self.folder / picture(scene, name, width, theme))
            if self.page.evaluate(WIDER):
                self._complain(scene, name, width, "is wider than its screen")
            for each in self._said:
                self._complain(scene, name, width, f"says in the console: {each[:200]}")

    def _picture(self, width: int, theme: Any, path: Path) -> None:
        self.page.emulate_media(color_scheme=theme)
        self.page.evaluate(STILL)
        whole = int(self.page.evaluate("document.documentElement.scrollHeight"))
        frame: Any = {"x": 0, "y": 0, "width": width, "height": min(whole, MOST_HEIGHT)}
        self.page.screenshot(path=path, full_page=True, clip=frame, animations="disabled")

    def _complain(self, scene: str, name: str, width: int, what: str) -> None:
        self.wrong.append(f"{scene}, {name} at {width}: {what}")
        print(f"  {self.wrong[-1]}")


def picture(scene: str, name: str, width: int, theme: str) -> str:
    """Return the file's name."""
    return f"{scene}-{name}-{width}-{theme}.png"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Yield the system's Chromium."""
    found = next(filter(None, (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        raise SystemExit("Chromium is not installed (make chromium).")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


def walk(stage: Stage, browser: Browser, origin: str, only: Sequence[str]) -> list[Camera]:
    """Go through the scenes and look at what each names; returns the cameras."""
    admin, nobody = Camera(browser, FOLDER), Camera(browser, FOLDER)
    for scene in scenes.scenes():
        print(scene.name)
        scene.happens(stage)
        if not admin.page.context.cookies():
            admin.page.context.add_cookies([_session(origin)])  # type: ignore[list-item]
        pages = scene.pages() if scene.name != "every-page" else dict(every_page())
        for name, path in pages.items():
            if is_wanted(scene.name, name, only):
                (nobody if name in FOR_NOBODY else admin).take(scene.name, name, f"{origin}{path}")
    for name, path in sandbox_pages(nobody.page, stage.sandbox.url):
        if is_wanted("xero-sandbox", name, only):
            nobody.take("xero-sandbox", name, path)
    with C3SandboxProcess(stage.folder / "c3-sandbox") as c3:
        for name, path in sandbox_pages(nobody.page, c3.url):
            if is_wanted("c3-sandbox", name, only):
                nobody.take("c3-sandbox", name, path)
    return [admin, nobody]


def is_wanted(scene: str, name: str, only: Sequence[str]) -> bool:
    """Whether this picture was asked for."""
    return not only or any(word in f"{scene}-{name}" for word in only)


def _session(origin: str) -> dict[str, str]:
    from django.conf import settings
    from django.test import Client

    from c3portal.models import User

    client = Client()
    client.force_login(User.objects.get(email=scenes.ADMIN))
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": origin,
    }


def every_page() -> Iterator[tuple[str, str]]:
    """Yield name and path of every address that answers with a page. Raises KeyError for one that shows nothing yet."""
    from django.test import Client

    from c3portal.models import User
    from c3portal.tests.addresses import every_address

    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(email=scenes.ADMIN))
    # Addresses that take forms alone answer so: that is how pages are found.
    logging.disable()
    for address in every_address():
        parts = dict(address.parts)
        if set(parts) - {"pk"}:
            continue
        row = scenes.shown(address.name) if parts else None
        path = address.path(**({"pk": str(row.pk)} if row else {}))
        answer = (Client(headers={"host": "localhost"}) if address.name in FOR_NOBODY else client).get(path)
        if answer.status_code == 200 and not answer.streaming and b"<!DOCTYPE html>" in answer.content[:200]:
            yield address.name, path


def sandbox_pages(page: Page, origin: str) -> Iterator[tuple[str, str]]:
    """Yield name and address of every kind of page that a sandbox's pages lead to, its home page first."""
    found, waiting = {""}, [f"{origin}/"]
    while waiting:
        address = waiting.pop(0)
        yield name_of(address) or "home", address
        if not page.url.startswith(address):
            page.goto(address)
        for link in page.eval_on_selector_all("main a[href], nav a[href]", "links => links.map(link => link.href)"):
            name = name_of(link)
            if link.startswith(origin) and name not in found and not urlsplit(link).query:
                found.add(name)
                waiting.append(link)


def name_of(address: str) -> str:
    """Return the name of a page of a sandbox, "" for its home page."""
    return re.sub(r"[^a-z-]+", "-", NAMED.sub("one", urlsplit(address).path).lower()).strip("-")


def index(taken: Sequence[tuple[str, str]]) -> str:
    """Return a page that shows all pictures, scene by scene."""
    sections = "".join(
        f"<h2>{escape(scene)}</h2>{''.join(_figures(scene, name) for _, name in of_scene)}"
        for scene, of_scene in groupby(sorted(taken), key=lambda each: each[0])
    )
    style = (
        "body{font:14px system-ui;margin:1rem}div{display:flex;gap:.5rem;align-items:start}img{border:1px solid #888}"
    )
    return f"<!DOCTYPE html><html lang=en><meta charset=utf-8><title>Every page</title><style>{style}</style>{sections}"


def _figures(scene: str, name: str) -> str:
    names = (picture(scene, name, width, theme) for width in WIDTHS for theme in THEMES)
    shown = "".join(_linked(each, 480 if "-1280-" in each else 150) for each in names)
    return f"<h3>{escape(name)}</h3><div>{shown}</div>"


def _linked(name: str, width: int) -> str:
    return f'<a href="{name}"><img src="{name}" alt="{name}" loading="lazy" width="{width}"></a>'


def main() -> int:
    """Run from the command line; exit 1 when a page keeps its bounds not."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", nargs="+", default=[], help="words of the names of scenes and pages")
    given = arguments.parse_args()
    if not given.only:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder, chromium() as browser:
        pace = {"MFA_REQUIRED_FOR": "none", "ALLOWED_HOSTS": "localhost,127.0.0.1", "WEB_PROCESSES": "1"}
        # Playwright keeps an event loop in this thread, beside which Django is asked here.
        # What is not known of a document is looked up at once.
        pace |= {"XERO_LOOK_AFTER": "0", "XERO_SETTLES_AFTER": "0"}
        pace |= {"DJANGO_ALLOW_ASYNC_UNSAFE": "true", "ENV_FILE": "/dev/null", "LOG_LEVEL": "ERROR"}
        with Stage(Path(folder), pace=pace) as stage:
            stage.start_broker()
            with stage.web(fresh_static=True) as origin:
                cameras = walk(stage, browser, origin, given.only)
    taken = [each for camera in cameras for each in camera.taken]
    (FOLDER / "index.html").write_text(index(taken))
    wrong = [each for camera in cameras for each in camera.wrong]
    print(f"{len(taken)} pages, {len(taken) * len(WIDTHS) * len(THEMES)} pictures: {FOLDER / 'index.html'}")
    print("\n".join(["Wrong:", *wrong]) if wrong else "No page is wider than its screen, and no console says anything.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
