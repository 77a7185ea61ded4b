"""The forms of the portal's pages, read from the pages themselves: whatever can be filled in, by where it is sent."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

# The name of an address, and under it what each of its forms' fields holds.
Forms = dict[str, dict[str, str]]

# Forms that no page shows while everything is as in these tests, and their fields.
SELDOM = {
    "user_invite": {},
    "delete_view": {"period": "20260918", "name": "x", "sort": "x"},
    "save_view": {"period": "20260918", "name": "x", "sort": "x", "state": "x", "q": "x", "cause": "x"},
    "invitation": {"password1": "x", "password2": "x"},
    "preflight_drafts": {},
    "preflight_link": {"all": "x", "invoice": "x"},
    "upload_take_back": {"reason": "x"},
    "invoice_take_back": {"reason": "x"},
    "selected_take_back": {"period": "20260918", "confirmed": "1", "reason": "x", "invoice": "x", "all": "1"},
    "post_again": {"period": "20260918", "invoice": "x", "all": "1", "page": "x", "upload": "1", "request": "1"},
    "change_withdraw": {},
    "upload_approve": {"confirmed": "1", "seen": "0"},
    "upload_send": {"confirmed": "1", "seen": "0", "again": "1"},
    "invoice_approve": {"confirmed": "1", "seen": "0"},
    "invoice_send": {"confirmed": "1", "seen": "0", "again": "1"},
    "selected_approve": {"period": "20260918", "confirmed": "1", "invoice": "x", "all": "1"},
    "selected_send": {"period": "20260918", "confirmed": "1", "seen": "0", "again": "1", "invoice": "x", "all": "1"},
    "invoice_credit": {"what": "x", "reason": "x", "invoice_status": "x", "confirm": "1", "total": "x", "number": "x"},
    "credit_again": {},
    "accept_change": {"reason": "x", "seen": "{}", "exclude": "1"},
    # Xero sends it, and no page.
    "xero_webhook": {},
    "update_changed": {"reason": "x", "seen": "x", "period": "20260918", "compare": "settings"},
    "invoice_changed": {"reason": "x", "seen": "x"},
    "preflight_order": {"customer": "x", "purchase_order": "x"},
    "customer_own": {
        **dict.fromkeys(("account_code", "theme_id", "invoice_status", "bill_resellers", "purchase_order"), "x"),
        "due_days": "1",
        "requires_purchase_order": "on",
    },
    "preflight_decide": {"decision": "post", "reason": "x", "group": "x", "count": "1", "post": "x", "replace": "x"},
    "decide_invoice": {"decision": "post", "reason": "x", "revert": "1"},
    "take_up_invoices": {"period": "20260918", "only": "x", "invoice": "x", "all": "1"},
    "settings_c3_test": {},
    "fetch_from_c3": {},
    "attention_post": {"period": "20260918", "cause": "x", "as_drafts": "1"},
    "attention_account": {"period": "20260918", "cause": "x", "instead_of": "x", "account": "x"},
    "upload_again": {"cause": "x"},
    "period_reopen": {},
    "period_others": {},
    "test_draft_post": {},
    "test_draft_delete": {},
    "xero_try_now": {},
    "import_undo": {"rest": "1"},
    "upload_check": {},
    "match_columns": {"action": "confirm", "name": "x", "period": "new", "billing_id": "1", "column_Total": "x"},
    "choose_contact": {"contact": "x", "back": "x"},
    "answer_contact": {"contact": "x", "shown": "x"},
    "mfa_authenticate": {"code": "1"},
    "mfa_activate_totp": {"code": "1"},
    "account_reset_password_from_key": {"password1": "x", "password2": "x"},
    "account_set_password": {"password1": "x", "password2": "x"},
    "usersessions_list": {},
}


class FormReader(HTMLParser):
    """Collects the forms of one page that are sent by POST; `path` is where those without an address go."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path, self.found, self.by_id = path, list[tuple[str, dict[str, str]]](), dict[str, dict[str, str]]()
        self.fields: dict[str, str] | None = None
        self.select: tuple[dict[str, str], str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method", "").lower() == "post":
            self.fields = {}
            self.found.append((given.get("action") or self.path, self.fields))
            self.by_id[given.get("id", "")] = self.fields
        elif tag in ("input", "select", "textarea", "button"):
            self._take(given)
            self._open(tag, given)
        elif tag == "option" and self.select and given.get("value"):
            fields, name = self.select
            fields[name] = given["value"]

    def _open(self, tag: str, given: dict[str, str]) -> None:
        fields = self.by_id.get(given["form"]) if "form" in given else self.fields
        if tag == "select" and fields is not None:
            self.select = (fields, given.get("name", ""))

    def _take(self, given: dict[str, str]) -> None:
        fields = self.by_id.get(given["form"]) if "form" in given else self.fields
        if "formaction" in given:
            self.found.append((given["formaction"], fields if fields is not None else {}))
        if fields is not None and given.get("name", "csrfmiddlewaretoken") != "csrfmiddlewaretoken":
            fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.fields = None
        elif tag == "select":
            self.select = None


def read_forms(client: Client, paths: list[str]) -> Forms:
    """Return the forms on the pages at `paths`, those that go to the same address taken together."""
    forms: Forms = {}
    for path in paths:
        answer = client.get(path)
        if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
            reader = FormReader(urlsplit(path).path)
            reader.feed(answer.content.decode())
            for address, fields in reader.found:
                forms.setdefault(name_of(address), {}).update(fields)
    return forms


def name_of(address: str) -> str:
    """Return the name of the address that a form goes to, "" for one that is not the portal's."""
    try:
        return resolve(urlsplit(address).path).url_name or ""
    except Resolver404:
        return ""
