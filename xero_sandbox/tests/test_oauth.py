"""Sign-in, walked as a browser and an app walk it."""

import base64
import hashlib
import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from xero_sandbox.testing import SandboxControl
from xero_sandbox.tests.conftest import CALLBACK, Caller

SCOPE = "openid profile email offline_access accounting.settings.read accounting.contacts accounting.invoices"
VERIFIER = "a-verifier-of-the-tests-that-is-long-enough-for-pkce"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


class Walker:
    """A person with a browser, and the app's back channel."""

    def __init__(self, url: str, app: dict[str, str]) -> None:
        self.url, self.app = url, app
        self.browser = requests.Session()

    def consent_query(self, **changes: Any) -> dict[str, str]:
        whole = {
            "response_type": "code",
            "client_id": self.app["client_id"],
            "redirect_uri": CALLBACK,
            "scope": SCOPE,
            "state": "kept state",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        return {name: value for name, value in whole.items() if value is not None}

    def open(self, **changes: Any) -> requests.Response:
        return self.browser.get(f"{self.url}/identity/connect/authorize", params=self.consent_query(**changes))

    def press(self, decision: str, organisation: str = "", **changes: Any) -> dict[str, str]:
        """Press a button on the consent page and return what comes back to the app."""
        page = self.open(**changes)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        chosen = organisation or re.findall(r'name="organisation"\s+value="([^"]+)"', page.text)[0]
        form = self.consent_query(**changes) | {"decision": decision, "organisation": chosen}
        assert token
        answer = self.browser.post(
            f"{self.url}/identity/connect/authorize",
            data=form | {"csrfmiddlewaretoken": token[1]},
            allow_redirects=False,
        )
        place = answer.headers["Location"]
        assert place.startswith(CALLBACK + "?")
        return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}

    def token(self, **form: str) -> requests.Response:
        return requests.post(
            f"{self.url}/connect/token", data=form, auth=(self.app["client_id"], self.app["client_secret"])
        )

    def redeem(self, code: str, **changes: str) -> requests.Response:
        whole = {"code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER} | changes
        return self.token(grant_type="authorization_code", **whole)

    def refresh(self, token: str) -> requests.Response:
        return self.token(grant_type="refresh_token", refresh_token=token)

    def connected(self) -> dict[str, Any]:
        return self.redeem(self.press("allow")["code"]).json()

    def connections(self, tokens: dict[str, Any], **query: str) -> requests.Response:
        return requests.get(
            f"{self.url}/connections", params=query, headers={"Authorization": f"Bearer {tokens['access_token']}"}
        )


@pytest.fixture
def walker(control: SandboxControl, app: dict[str, str]) -> Walker:
    return Walker(control.url, app)


def claims(token: str) -> dict[str, Any]:
    packed = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))


def test_allowing_access_leads_to_a_token_set_and_a_connection(walker: Walker, control: SandboxControl) -> None:
    tenant = control.organisations()[1]["tenant_id"]

    back = walker.press("allow", tenant)
    tokens = walker.redeem(back["code"]).json()
    granted = claims(tokens["access_token"])
    (connection,) = walker.connections(tokens, authEventId=granted["authentication_event_id"]).json()

    assert back["state"] == "kept state"
    assert tokens["expires_in"] == 1800
    assert tokens["token_type"] == "Bearer"
    assert granted["scope"] == SCOPE.split()
    assert granted["exp"] - granted["iat"] == 1800
    assert connection["tenantId"] == tenant
    assert connection["tenantName"] == "Contoso Cloud (NZ)"
    assert connection["authEventId"] == granted["authentication_event_id"]


def test_a_later_consent_adds_its_organisation_to_the_same_app(walker: Walker, control: SandboxControl) -> None:
    first, second = (one["tenant_id"] for one in control.organisations())
    walker.press("allow", first)

    tokens = walker.redeem(walker.press("allow", second)["code"]).json()
    event = claims(tokens["access_token"])["authentication_event_id"]

    assert {one["tenantId"] for one in walker.connections(tokens).json()} == {first, second}
    assert [one["tenantId"] for one in walker.connections(tokens, authEventId=event).json()] == [second]


def test_cancelling_comes_back_with_an_error_and_the_state(walker: Walker) -> None:
    assert walker.press("cancel") == {"error": "access_denied", "state": "kept state"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"redirect_uri": CALLBACK.rstrip("/")}, "Invalid redirect_uri"),
        ({"redirect_uri": CALLBACK.replace("8000", "8001")}, "Invalid redirect_uri"),
        ({"redirect_uri": None}, "Invalid redirect_uri"),
        ({"client_id": "0" * 32}, "No app has this client id"),
        ({"scope": SCOPE + " accounting.nonsense"}, "cannot ask for: accounting.nonsense"),
        ({"scope": SCOPE + " accounting.transactions"}, "cannot ask for: accounting.transactions"),
        ({"scope": None}, "No scope"),
        ({"response_type": "token"}, "response_type must be code"),
        ({"code_challenge_method": "plain"}, "must be S256"),
    ],
)
def test_a_wrong_request_stays_on_the_error_page(walker: Walker, changes: dict[str, Any], words: str) -> None:
    answer = walker.open(**changes)

    assert answer.status_code == 400
    assert words in answer.text
    assert answer.history == []


def test_an_app_from_before_march_2026_may_ask_for_broad_scopes(control: SandboxControl) -> None:
    old = Walker(control.url, control.ensure_app("Old app", [CALLBACK], broad_scopes=True))

    assert old.open(scope="offline_access accounting.transactions").ok


def test_the_consent_page_refuses_framing_and_lets_the_form_lead_back_to_the_app(walker: Walker) -> None:
    headers = walker.open().headers

    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "form-action 'self' http://localhost:8000" in headers["Content-Security-Policy"]


def test_a_consent_without_its_own_page_behind_it_is_refused(walker: Walker) -> None:
    forged = requests.post(
        f"{walker.url}/identity/connect/authorize", data=walker.consent_query() | {"decision": "allow"}
    )

    assert forged.status_code == 403


def test_a_code_works_once(walker: Walker) -> None:
    code = walker.press("allow")["code"]
    assert walker.redeem(code).ok

    again = walker.redeem(code)

    assert again.status_code == 400
    assert again.json() == {"error": "invalid_grant"}


def test_a_code_dies_after_five_minutes(walker: Walker, control: SandboxControl) -> None:
    code = walker.press("allow")["code"]
    control.advance_clock(301)

    assert walker.redeem(code).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "another verifier"},
        {"code_verifier": ""},
        {"redirect_uri": CALLBACK + "x"},
        {"code": "never issued"},
    ],
)
def test_a_code_needs_its_own_verifier_and_redirect_uri(walker: Walker, changes: dict[str, str]) -> None:
    code = walker.press("allow")["code"]

    assert walker.redeem(**({"code": code} | changes)).json() == {"error": "invalid_grant"}


def test_another_apps_code_and_tokens_are_worthless(walker: Walker, control: SandboxControl) -> None:
    code, tokens = walker.press("allow")["code"], walker.connected()
    thief = Walker(control.url, control.ensure_app("Thief", [CALLBACK]))

    assert thief.redeem(code).json() == {"error": "invalid_grant"}
    assert thief.refresh(tokens["refresh_token"]).json() == {"error": "invalid_grant"}


def test_a_wrong_secret_or_grant_type_is_named(walker: Walker) -> None:
    right = walker.app["client_secret"]
    assert walker.token(grant_type="password").json() == {"error": "unsupported_grant_type"}

    walker.app = walker.app | {"client_secret": right + "x"}

    assert walker.refresh("any").json() == {"error": "invalid_client"}


def test_refreshing_rotates_and_the_old_token_has_thirty_minutes_of_grace(
    walker: Walker, control: SandboxControl
) -> None:
    old = walker.connected()["refresh_token"]
    new = walker.refresh(old).json()["refresh_token"]
    control.advance_clock(29 * 60)
    retried = walker.refresh(old)
    control.advance_clock(2 * 60)

    assert new != old
    assert retried.ok
    assert walker.refresh(old).json() == {"error": "invalid_grant"}
    assert walker.refresh(new).ok
    assert walker.refresh(retried.json()["refresh_token"]).ok


def test_a_refresh_token_left_alone_for_sixty_days_is_dead(walker: Walker, control: SandboxControl) -> None:
    tokens = walker.connected()
    control.advance_clock(59 * 86_400)
    kept = walker.refresh(tokens["refresh_token"]).json()
    control.advance_clock(61 * 86_400)

    assert walker.refresh(kept["refresh_token"]).json() == {"error": "invalid_grant"}


def test_an_access_token_lives_thirty_minutes(xero: Caller, control: SandboxControl) -> None:
    control.advance_clock(29 * 60)
    assert xero.get("Organisation").ok
    control.advance_clock(2 * 60)

    late = xero.get("Organisation")

    assert late.status_code == 401
    assert late.json()["Title"] == "Unauthorized"
    assert late.json()["Detail"].startswith("TokenExpired")


def test_revoking_ends_the_consent_and_its_connections(walker: Walker, control: SandboxControl) -> None:
    tokens = walker.connected()
    pair = (walker.app["client_id"], walker.app["client_secret"])
    where = f"{walker.url}/connect/revocation"

    assert requests.post(where, data={"token": tokens["refresh_token"]}, auth=("x", "y")).status_code == 400
    assert requests.post(where, data={"token": tokens["refresh_token"]}, auth=pair).status_code == 200
    assert requests.post(where, data={"token": "unknown"}, auth=pair).status_code == 200
    assert walker.refresh(tokens["refresh_token"]).json() == {"error": "invalid_grant"}
    assert walker.connections(tokens).status_code == 401


def test_a_forged_token_opens_nothing(xero: Caller) -> None:
    head, payload, signature = xero.tokens["access_token"].split(".")
    for token in (f"{head}.{payload}.{signature[::-1]}", f"{head}.{payload}.", "nonsense", ""):
        answer = xero.call("GET", "Organisation", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401


def test_a_connection_that_was_deleted_answers_403(xero: Caller) -> None:
    headers = {"Authorization": f"Bearer {xero.tokens['access_token']}"}
    ours = {one["tenantId"]: one["id"] for one in xero.tokens["connections"]}

    deleted = requests.delete(f"{xero.url}/connections/{ours[xero.tenant]}", headers=headers)
    answer = xero.get("Organisation")

    assert deleted.status_code == 204
    assert requests.delete(f"{xero.url}/connections/{ours[xero.tenant]}", headers=headers).status_code == 404
    assert answer.status_code == 403
    assert answer.json()["title"] == "Forbidden"
    assert answer.json()["detail"] == "AuthenticationUnsuccessful"
    assert len(requests.get(f"{xero.url}/connections", headers=headers).json()) == 1


@pytest.mark.parametrize("tenant", ["", "nonsense", "00000000-0000-0000-0000-000000000000"])
def test_a_tenant_that_is_not_connected_answers_403(xero: Caller, tenant: str) -> None:
    assert xero.call("GET", "Organisation", headers={"Xero-Tenant-Id": tenant}).status_code == 403


@pytest.mark.parametrize(
    ("scopes", "method", "path", "opens"),
    [
        (["accounting.settings.read"], "GET", "Accounts", True),
        (["accounting.contacts.read"], "GET", "Accounts", False),
        (["accounting.contacts.read"], "GET", "Contacts", True),
        (["accounting.contacts.read"], "PUT", "Contacts", False),
        (["accounting.invoices.read"], "GET", "Invoices", True),
        (["accounting.invoices.read"], "PUT", "Invoices", False),
        (["accounting.invoices"], "GET", "CreditNotes", True),
        (["accounting.invoices"], "GET", "Payments", False),
        (["accounting.payments.read"], "GET", "Payments", True),
    ],
)
def test_each_resource_wants_its_scope(
    control: SandboxControl, app: dict[str, str], scopes: list[str], method: str, path: str, opens: bool
) -> None:
    tenant = control.organisations()[0]["tenant_id"]
    narrow = Caller(control.url, app, control.tokens(app["client_id"], scopes=scopes), tenant)

    answer = narrow.call(method, path, json={path: [{"Name": "Litware"}]})

    assert (answer.status_code == 200) is opens
    assert opens or answer.json()["Detail"] == "AuthorizationUnsuccessful"
