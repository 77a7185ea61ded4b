"""Apps as their owners register them: names, redirect URIs and secrets."""

import secrets

from xero_sandbox.models import App, Secret
from xero_sandbox.oauth.digests import digest, same
from xero_sandbox.wire import parse_address

MOST_REDIRECT_URIS = 50
MOST_SECRETS = 2


def redirect_uri_problems(uris: list[str]) -> list[str]:
    """Return what is wrong with these redirect URIs, in words for the form (rules as in Xero's My Apps)."""
    problems = [problem for uri in uris if (problem := _problem(uri))]
    if not uris:
        problems.append("Give at least one redirect URI.")
    if len(uris) > MOST_REDIRECT_URIS:
        problems.append(f"An app can have at most {MOST_REDIRECT_URIS} redirect URIs.")
    return problems


def _problem(uri: str) -> str:
    parts = parse_address(uri)
    if "*" in uri:
        return f"{uri}: wildcards are not allowed."
    if parts is None or parts.fragment:
        return f"{uri}: give an absolute address without a fragment."
    if parts.scheme == "https" or parts.hostname == "localhost":
        return ""
    if parts.hostname == "127.0.0.1":
        return f"{uri}: http://127.0.0.1 is not allowed. Use http://localhost instead."
    return f"{uri}: use https, or http://localhost while developing."


def company_url_problem(url: str) -> str:
    """Return what is wrong with the company URL, or nothing."""
    if parse_address(url):
        return ""
    return "Give your company's or application's web address in full, with https://."


def register(name: str, company_url: str, redirect_uris: list[str], broad_scopes: bool = False) -> App:
    """Make an app with a new client id and no secret yet."""
    return App.objects.create(
        client_id=secrets.token_hex(16).upper(),
        name=name,
        company_url=company_url,
        redirect_uris=redirect_uris,
        broad_scopes=broad_scopes,
    )


def generate_secret(app: App) -> str:
    """Make a secret and return it, the only time it is ever told. The oldest beyond two stops working."""
    text = secrets.token_urlsafe(36)
    Secret.objects.create(app=app, digest=digest(text), hint=text[-4:])
    newest = app.secrets.order_by("-created_at", "-id").values_list("pk", flat=True)[:MOST_SECRETS]
    app.secrets.exclude(pk__in=list(newest)).delete()
    return text


def authenticate(client_id: str, secret: str) -> App | None:
    """Return the app when the secret is one of its live ones."""
    app = App.objects.filter(client_id=client_id).first()
    if app and any(same(kept.digest, digest(secret)) for kept in app.secrets.all()):
        return app
    return None
