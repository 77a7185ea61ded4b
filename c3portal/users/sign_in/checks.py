"""System checks of the settings of sign-in."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from c3portal.models import roles

# Microsoft's addresses for more than one organisation: anyone's administrator writes the e-mail addresses there.
SHARED_TENANTS = {"common", "organizations", "consumers"}
WORDS = ("all", "none")


@register(Tags.security)
def required_factors(**kwargs: Any) -> list[CheckMessage]:
    """MFA_REQUIRED_FOR names roles: a misspelt one would leave everyone without a second factor."""
    unknown = [each for each in settings.MFA_REQUIRED_FOR if each not in (*roles.ALL, *WORDS)]
    return [
        Error(
            f"MFA_REQUIRED_FOR names {each!r}, which is no role.",
            hint=f"Set MFA_REQUIRED_FOR to some of {', '.join(roles.ALL)}, separated by commas, or to all or none.",
            id="c3portal.E020",
        )
        for each in unknown
    ]


@register(Tags.security)
def company_sign_in(**kwargs: Any) -> list[CheckMessage]:
    """The company's sign-in is complete and of one organisation, or passwords are allowed."""
    issuer = settings.OIDC_ISSUER
    if not issuer:
        if settings.PASSWORD_SIGN_IN:
            return []
        return [
            Error(
                "PASSWORD_SIGN_IN is off and OIDC_ISSUER is not set, so nobody new can sign in.",
                hint="Set OIDC_ISSUER, OIDC_CLIENT_ID and OIDC_CLIENT_SECRET, or leave PASSWORD_SIGN_IN out.",
                id="c3portal.E021",
            )
        ]
    return [*_complete(), *_of_one_organisation(issuer)]


def _complete() -> list[CheckMessage]:
    (app,) = settings.SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"]
    missing = [
        name
        for name, value in (("OIDC_CLIENT_ID", app["client_id"]), ("OIDC_CLIENT_SECRET", app["secret"]))
        if not value
    ]
    if not missing:
        return []
    return [
        Error(
            f"OIDC_ISSUER is set, {' and '.join(missing)} not.",
            hint="Take them from the app registration at the provider (docs/operations/people.md, Sign-in).",
            id="c3portal.E022",
        )
    ]


def _of_one_organisation(issuer: str) -> list[CheckMessage]:
    parts = urlsplit(issuer)
    if not parts.hostname or not (parts.scheme == "https" or parts.hostname == "localhost"):
        return [
            Error(
                f"OIDC_ISSUER is {issuer!r}, which is not an https:// address.",
                hint="For Microsoft Entra set OIDC_ISSUER=https://login.microsoftonline.com/<tenant id>/v2.0.",
                id="c3portal.E023",
            )
        ]
    if SHARED_TENANTS & {each.lower() for each in parts.path.split("/")}:
        return [
            Error(
                f"OIDC_ISSUER is {issuer}: people of every organisation sign in there, and the e-mail addresses it "
                "names are whatever their administrators wrote, so they prove nothing.",
                hint="Put your own tenant's id in it: https://login.microsoftonline.com/<tenant id>/v2.0.",
                id="c3portal.E024",
            )
        ]
    return []
