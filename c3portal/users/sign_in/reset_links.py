"""The tokens of the links to a new password."""

from __future__ import annotations

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from c3portal.models import User


class ResetTokens(PasswordResetTokenGenerator):
    """Django's tokens, which die with the next sign-in and with a change of password or address; these die with the
    account too.

    allauth's own would note the address of whoever is asked for as one that waits to be confirmed, and allauth lets
    nobody with such an address set up a second factor: a stranger could shut out anyone by asking.
    """

    # Django has no public place for what else a token must die with.
    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.is_active}"
