"""The person's side of sign-in: Xero's checks before the page, the page, and the way back to the app."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.csp import build_policy
from django.views.decorators.http import require_http_methods

from xero_sandbox import wire
from xero_sandbox.models import App, Organisation
from xero_sandbox.oauth import scopes, tokens
from xero_sandbox.storage import writing

CARRIED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)


class ConsentRefused(Exception):
    """The request is shown Xero's own error page: nobody is sent back to the app."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


@dataclass(frozen=True)
class Request:
    """A checked authorisation request."""

    app: App
    redirect_uri: str
    scope: str
    state: str
    challenge: str

    def redirect_url(self, **answer: str) -> str:
        """Return the app's redirect URI with the answer and the state."""
        mark = "&" if "?" in self.redirect_uri else "?"
        return f"{self.redirect_uri}{mark}{urlencode(answer | ({'state': self.state} if self.state else {}))}"


@require_http_methods(["GET", "POST"])
def authorize(request: HttpRequest) -> HttpResponse:
    """Show the consent page, or act on what was pressed there."""
    query = request.POST if request.method == "POST" else request.GET
    try:
        checked = check(query)
    except ConsentRefused as refused:
        return render(request, "xero_sandbox/consent_refused.html", {"refused": refused}, status=400)
    if request.method == "GET":
        return _page(request, checked, query)
    if query.get("decision") != "allow":
        return _sent_back(checked.redirect_url(error="access_denied"))
    organisation = Organisation.objects.filter(pk=wire.parse_id(query.get("organisation")) or wire.ZERO_ID).first()
    if organisation is None:
        return _page(request, checked, query, "Choose an organisation.")
    return _sent_back(_allow(checked, organisation))


def check(query: Mapping[str, str]) -> Request:
    """Check a request as Xero does before it shows anything. Raises ConsentRefused."""
    app = App.objects.filter(client_id=query.get("client_id", "")).first()
    if app is None:
        raise ConsentRefused("unauthorized_client", "No app has this client id.")
    if query.get("redirect_uri", "") not in app.redirect_uris:
        raise ConsentRefused(
            "unauthorized_client",
            "Invalid redirect_uri. It must be one of the app's redirect URIs, exactly, port and slash included.",
        )
    if query.get("response_type") != "code":
        raise ConsentRefused("unsupported_response_type", "response_type must be code.")
    requested_scopes = query.get("scope", "").split()
    if not requested_scopes or (wrong := scopes.unknown(requested_scopes, app.broad_scopes)):
        words = f"This app cannot ask for: {', '.join(wrong)}." if requested_scopes else "No scope was asked for."
        raise ConsentRefused("invalid_scope", words)
    return Request(app, query["redirect_uri"], " ".join(requested_scopes), query.get("state", ""), _challenge(query))


def _challenge(query: Mapping[str, str]) -> str:
    challenge = query.get("code_challenge", "")
    if challenge and query.get("code_challenge_method") != "S256":
        raise ConsentRefused("invalid_request", "code_challenge_method must be S256.")
    return challenge


def _allow(checked: Request, organisation: Organisation) -> str:
    with writing():
        grant = tokens.consent(checked.app, [organisation], checked.scope)
        code = tokens.issue_code(grant, checked.redirect_uri, checked.challenge)
    return checked.redirect_url(code=code, scope=checked.scope)


def _page(request: HttpRequest, checked: Request, query: Mapping[str, str], error: str = "") -> HttpResponse:
    wanted = checked.scope.split()
    context = {
        "app": checked.app,
        "carried": [(name, query[name]) for name in CARRIED if name in query],
        "organisations": Organisation.objects.all(),
        "scopes": [(scope, scopes.WORDS[scope]) for scope in wanted],
        "user": tokens.USER,
        "error": error,
    }
    response = render(request, "xero_sandbox/consent.html", context)
    # Browsers hold the redirect after a form to form-action as well, so the app's address must be in it.
    parts = urlsplit(checked.redirect_uri)
    policy = settings.SECURE_CSP | {"form-action": ["'self'", f"{parts.scheme}://{parts.netloc}"]}
    response["Content-Security-Policy"] = build_policy(policy)
    return response


def _sent_back(place: str) -> HttpResponse:
    """Redirect by hand: an app's redirect URI was checked when it was registered."""
    return HttpResponse(status=302, headers={"Location": place, "Cache-Control": "no-store"})
