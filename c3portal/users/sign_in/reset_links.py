"""Tokens of the links to a new password."""

from __future__ import annotations

from django.contrib.auth.tokens import PasswordResetTokenGenerator

from c3portal.models import User


class ResetTokens(PasswordResetTokenGenerator):
    """Tokens that die with the next sign-in, a new password or address, and the account."""

    # Not allauth's generator: it notes the address of whoever is asked for as unconfirmed, and with such an address
    # nobody can set up a second factor, so a stranger could shut anyone out by asking.
    # Django has no public place for what else a token must die with.
    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.is_active}"
