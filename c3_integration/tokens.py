"""The token for C3 that is kept, encrypted, until it expires."""

from __future__ import annotations

import datetime as dt

from c3_integration.client.errors import C3NotSetUp
from c3_integration.client.sign_in import Credentials, ask_for_token
from c3_integration.models import C3Settings, C3Token
from c3portal.database import clock

# One that is about to expire is not sent along any more.
RENEW_BEFORE = dt.timedelta(seconds=60)


def credentials(app: C3Settings) -> Credentials:
    """Return what the portal signs in with. Raises C3NotSetUp while something is missing."""
    if missing := app.missing():
        raise C3NotSetUp(
            f"Settings → Invoices from C3 lacks {', '.join(missing)}. A System Admin fills it in with what C3 handed "
            "out."
        )
    return Credentials(app.tenant_id, app.client_id, app.client_secret, app.scope, app.resource)


class KeptTokens:
    """The one token of the settings. Both methods raise C3Error."""

    def __init__(self, app: C3Settings) -> None:
        self._credentials = credentials(app)

    def current(self) -> str:
        """Return a token that is good for a call now."""
        kept = C3Token.objects.filter(pk=1, expires_at__gt=clock.now() + RENEW_BEFORE).exclude(access_token="").first()
        return kept.access_token if kept else self._new()

    def renewed(self, refused: str) -> str:
        """Return another than the `refused` one."""
        kept = self.current()
        return kept if kept != refused else self._new()

    def _new(self) -> str:
        # Client credentials get as many tokens as they ask for, so two at once harm nobody.
        token = ask_for_token(self._credentials)
        C3Token.objects.update_or_create(
            pk=1, defaults={"access_token": token.access_token, "expires_at": clock.now() + token.life}
        )
        return token.access_token


class PassingTokens:
    """A token for trying settings out, kept nowhere. Both methods raise C3Error."""

    def __init__(self, app: C3Settings) -> None:
        self._credentials = credentials(app)
        self._token = ""

    def current(self) -> str:
        """Return the token, asked for when first it is needed."""
        self._token = self._token or ask_for_token(self._credentials).access_token
        return self._token

    def renewed(self, refused: str) -> str:
        """Return another one."""
        self._token = ""
        return self.current()


def forget() -> None:
    """Forget the token: it belongs to other settings."""
    C3Token.objects.all().delete()
