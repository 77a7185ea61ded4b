"""Links by which a new user comes in: good for LIFE, once, while nothing about the user changes."""

from __future__ import annotations

import datetime as dt
import logging

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from c3portal.audit.record import Action, record
from c3portal.models import User, roles
from c3portal.notifications import email

SALT = "c3portal.users.invitations"
LIFE = dt.timedelta(days=7)
logger = logging.getLogger(__name__)


def link(user: User) -> str:
    """Return the URL that signs whoever has it in as `user`."""
    token = signing.dumps({"user": user.pk, "state": _state(user)}, salt=SALT)
    return f"{settings.PORTAL_URL}{reverse('invitation_link', args=[token])}"


def holder(token: str) -> User | None:
    """Return whom the token invites, None when it is void."""
    try:
        held = signing.loads(token, salt=SALT, max_age=LIFE)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=held["user"], is_active=True).first()
    if user is None or not user.is_invited or not constant_time_compare(held["state"], _state(user)):
        return None
    return user


def accept(request: HttpRequest, user: User, password: str) -> bool:
    """Set the invited user's password; False when the invitation is void by now."""
    with transaction.atomic():
        untouched = User.objects.filter(
            pk=user.pk, is_active=True, last_login=None, password=user.password, invited_at=user.invited_at
        )
        if not untouched.update(password=make_password(password)):
            return False
        record(request, Action.USER, "Accepted the invitation", actor=user)
    user.refresh_from_db()
    return True


def send(user: User, by: User) -> bool:
    """Mail the link; False when no mail could be handed over."""
    if not email.is_sent():
        return False
    words = {"user": user, "by": by, "role": roles.role_of(user), "link": link(user), "days": LIFE.days}
    body = render_to_string("users/invitation.txt", words)
    try:
        email.send(email.to_person(user.email, "Your invitation to the C3 portal", body))
    except email.MailFailed as error:
        logger.error("The invitation of user %s could not be mailed: %s", user.pk, error)
        return False
    return True


def _state(user: User) -> str:
    # Each of these changes when the user signs in, gets a password or is invited again.
    facts = [user.pk, user.email, user.password, user.last_login, user.invited_at and user.invited_at.isoformat()]
    return salted_hmac(SALT, repr(facts), algorithm="sha256").hexdigest()[:32]
