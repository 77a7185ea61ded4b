"""How sign-in behaves here, where it differs from allauth's defaults."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up by themselves: a System Admin makes the users."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
