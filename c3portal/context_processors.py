"""What every page shows around its own content."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from c3portal.models import roles
from c3portal.notifications import email

REAL_XERO = ("https://login.xero.com", "https://identity.xero.com", "https://api.xero.com")


def portal(request: HttpRequest) -> dict[str, Any]:
    """Return the frame's context; `stand_in_url` is what stands in for Xero, "" for the real one."""
    urls = (settings.XERO_LOGIN_URL, settings.XERO_IDENTITY_URL, settings.XERO_API_URL)
    stand_in = next((url for url, real in zip(urls, REAL_XERO, strict=True) if url != real), "")
    role = roles.role_of(request.user) if hasattr(request, "user") else None
    return {
        "role": role,
        "unseen_notices": getattr(request.user, "unseen_notices", 0) if role else 0,
        "stand_in_url": stand_in,
        "sends_mail": email.is_sent(),
        "password_sign_in": settings.PASSWORD_SIGN_IN,
        "is_system_admin": role == roles.SYSTEM_ADMIN,
        "is_finance_admin": role in roles.FINANCE,
    }
