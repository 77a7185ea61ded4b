"""What a System Admin does with users. Each change is in force at the user's next request."""

from __future__ import annotations

from typing import Any

# allauth names a sign-in that waits for its second factor nowhere else, and whoever is sent away must lose that too.
from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from c3portal.audit.record import Action, Source, record
from c3portal.encryption.sessions import SessionStore
from c3portal.http.versions import changed_meanwhile, version_of
from c3portal.models import User, roles
from c3portal.users.sign_in.mfa import FACTORS


class NotDone(Exception):
    """Nothing was changed; `str(error)` says why, for the page."""


def everyone() -> QuerySet[User]:
    """Return all users, active ones first, each with `has_second_factor`."""
    factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=FACTORS)
    users = User.objects.annotate(has_second_factor=Exists(factors)).prefetch_related("groups")
    return users.order_by("-is_active", "name", "email")


def version(user: User) -> str:
    """Return the version of the role and state of `user`, for forms to carry."""
    kept = User.objects.get(pk=user.pk)
    return version_of(roles.role_of(kept), kept.is_active)


def invite(source: Source, email: str, name: str, role: str) -> User:
    """Create a user who signs in by invitation alone. Raises NotDone for a known address."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, name=name, role=role, invited_at=timezone.now())
            record(source, Action.USER, f"Invited {user.email}", after={"Name": name, "Role": role})
    except IntegrityError as error:
        raise NotDone(f"{email} is among the users already. Nobody was invited.") from error
    return user


def invite_again(source: Source, user: User) -> None:
    """Void earlier invitations. Raises NotDone for whoever needs none."""
    if not (user.is_active and user.is_invited):
        raise NotDone(
            f"{user} needs no invitation: they have signed in before, or are deactivated. Nothing was sent. This page "
            "says what can be done."
        )
    with transaction.atomic():
        user.invited_at = timezone.now()
        user.save(update_fields=["invited_at"])
        record(source, Action.USER, f"Invited {user.email} again")


def change_role(source: Source, user: User, role: str) -> None:
    """Give `user` the role. Raises NotDone for the last System Admin and for an outdated form."""
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        _not_changed_meanwhile(source, user)
        if role != roles.SYSTEM_ADMIN:
            _keep_one_admin(user)
        before = roles.role_of(User.objects.get(pk=user.pk))
        if before == role:
            return
        roles.grant(user, role)
        record(
            source,
            Action.USER,
            f"Role of {user.email}",
            before={"Role": before or "none"},
            after={"Role": role},
        )


def _not_changed_meanwhile(source: Source, user: User) -> None:
    words = ""
    if isinstance(source, HttpRequest):
        words = changed_meanwhile(source, version(user), Action.USER, f"Role of {user.email}")
    if words:
        raise NotDone(words)


def deactivate(source: Source, user: User) -> None:
    """Shut `user` out at once. Raises NotDone for oneself, the last System Admin and the inactive."""
    if _is_by(source, user):
        raise NotDone("You cannot deactivate yourself. Nothing was changed: ask another System Admin.")
    with transaction.atomic():
        _keep_one_admin(user)
        user.invited_at = None if user.is_invited else user.invited_at
        _switch(user, "deactivated already", is_active=False, invited_at=user.invited_at)
        _record_state(source, user, "active", "deactivated", ended=end_sessions(user))


def activate(source: Source, user: User) -> None:
    """Let `user` in again. Raises NotDone for the active."""
    with transaction.atomic():
        _switch(user, "able to sign in already", is_active=True)
        _record_state(source, user, "deactivated", "active")


def _switch(user: User, already: str, *, is_active: bool, **more: Any) -> None:
    # Of several who press at once, one does it.
    if not User.objects.filter(pk=user.pk, is_active=not is_active).update(is_active=is_active, **more):
        raise NotDone(f"{user} is {already}. Nothing was changed.")
    user.is_active = is_active


def take_second_factor(source: Source, user: User) -> None:
    """Delete all second factors and recovery codes. Raises NotDone for oneself and for whoever has none."""
    if _is_by(source, user):
        raise NotDone("Your own second factor is on the page of your account. Nothing was changed.")
    with transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=user.pk)
        held = sorted(str(each.get_type_display()) for each in Authenticator.objects.filter(user=user))
        if not held:
            raise NotDone(f"{user} has no second factor, and signs in without one. Nothing was changed.")
        Authenticator.objects.filter(user=user).delete()
        record(
            source,
            Action.USER,
            f"Second factor of {user.email} taken away",
            before={"Second factor": held},
            after={"Second factor": "none", "Sessions ended": end_sessions(user)},
        )


def set_password(source: Source, user: User, password: str) -> None:
    """Set a password that the caller has validated."""
    with transaction.atomic():
        user.set_password(password)
        user.save(update_fields=["password"])
        record(
            source,
            Action.SIGN_IN,
            f"Password of {user.email} set",
            after={"Sessions ended": end_sessions(user)},
        )


def end_sessions(user: User) -> int:
    """End every session of `user`, half-finished sign-ins too; return how many."""
    # All are read, since a session names its user only within what is encoded.
    open_ones = Session.objects.filter(expire_date__gt=timezone.now()).iterator()
    decode = SessionStore().decode
    keys = [each.session_key for each in open_ones if _is_of(decode(each.session_data), user)]
    Session.objects.filter(pk__in=keys).delete()
    UserSession.objects.filter(user=user).delete()
    return len(keys)


def _is_of(session: dict[str, Any], user: User) -> bool:
    pending_sign_in = session.get(LOGIN_SESSION_KEY) or {}
    return session.get(SESSION_KEY) == str(user.pk) or pending_sign_in.get("user_pk") == user_pk_to_url_str(user)


def _is_by(source: Source, user: User) -> bool:
    return isinstance(source, HttpRequest) and source.user.pk == user.pk


def _keep_one_admin(user: User) -> None:
    """Raise NotDone when nobody but `user` can run the portal."""
    # Held to the end of the transaction: of two who deactivate each other, one waits and is refused. SQLite has but one
    # writer.
    Group.objects.select_for_update(no_key=True).get(name=roles.SYSTEM_ADMIN)
    able = User.objects.filter(groups__name=roles.SYSTEM_ADMIN, is_active=True).exclude(
        last_login=None, password__startswith=UNUSABLE_PASSWORD_PREFIX
    )
    if able.filter(pk=user.pk).exists() and not able.exclude(pk=user.pk).exists():
        raise NotDone(
            f"{user} is the last System Admin who can sign in. Nothing was changed: make someone else System Admin "
            "first, or nobody could change the settings or the users any more."
        )


def _record_state(source: Source, user: User, before: str, after: str, ended: int | None = None) -> None:
    sessions = {} if ended is None else {"Sessions ended": ended}
    record(
        source,
        Action.USER,
        f"{user.email} {'let in again' if user.is_active else 'deactivated'}",
        before={"State": before},
        after={"State": after, **sessions},
    )
