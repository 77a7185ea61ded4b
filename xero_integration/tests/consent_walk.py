"""Xero's consent page, answered as a browser would: read its form, send it, see where one is sent back to."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import requests
from django.test import Client

AUSTRALIA = "Contoso Cloud (AU)"
NEW_ZEALAND = "Contoso Cloud (NZ)"


@dataclass
class ConsentForm(HTMLParser):
    """The hidden fields, and the organisations by name."""

    hidden: dict[str, str] = field(default_factory=dict)
    organisations: dict[str, str] = field(default_factory=dict)
    _choice: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "input" and attributes.get("type") == "hidden":
            self.hidden[attributes["name"]] = attributes["value"]
        if tag == "input" and attributes.get("type") == "radio":
            self._choice = attributes["value"]

    def handle_data(self, data: str) -> None:
        if self._choice and data.strip():
            self.organisations[data.strip()] = self._choice
            self._choice = ""


def answer_consent(consent_url: str, organisation: str = AUSTRALIA, decision: str = "allow") -> str:
    """Open the consent page, choose the organisation and press the button; return the address one is sent back to."""
    browser = requests.Session()
    page = browser.get(consent_url, timeout=10)
    assert page.status_code == 200, page.text
    form = ConsentForm()
    form.feed(page.text)
    pressed = {**form.hidden, "organisation": form.organisations[organisation], "decision": decision}
    answer = browser.post(consent_url.partition("?")[0], data=pressed, timeout=10, allow_redirects=False)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def leave_for_xero(client: Client) -> str:
    """Press Connect to Xero and return the address of the consent page."""
    answer = client.post("/xero/connect/")
    assert answer.status_code == 302
    return str(answer["Location"])


def come_back(client: Client, address: str) -> Any:
    """Follow an address that Xero sends back to into the portal; return the page where that ends."""
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}", follow=True)


def give_consent(client: Client, organisation: str = AUSTRALIA, decision: str = "allow") -> Any:
    """Walk from Connect to Xero to the page one ends on."""
    return come_back(client, answer_consent(leave_for_xero(client), organisation, decision))


def messages_of(page: Any) -> list[str]:
    """Return the messages that a page shows."""
    return [str(message) for message in page.context["messages"]]
