"""Connecting to Xero, disconnecting, and a fresh token for every call, renewed once across all processes."""

from __future__ import annotations

import datetime as dt
import logging
import time
from collections.abc import Callable, Collection, Iterable
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from c3portal.audit.record import Action, Source, record
from c3portal.database import clock
from c3portal.processes import liveness
from xero_integration import contacts, rate_limits, reference
from xero_integration.client import oauth, refusals, timeouts
from xero_integration.client.errors import Problem, XeroAuthError, XeroError, XeroRejected, XeroUnavailable
from xero_integration.client.gateway import Gateway
from xero_integration.models import TokenSet, XeroConnection, XeroSettings

if TYPE_CHECKING:
    from c3portal.models import User

logger = logging.getLogger(__name__)

NOT_CONNECTED = "No organisation in Xero is connected."
# A token is renewed this long before it ends, so that it never runs out between the check and the call.
RENEW_BEFORE = dt.timedelta(minutes=2)
NO_PAUSE: dict[str, Any] = {"paused_until": None, "pause_reason": "", "pause_problem": ""}


def finish_consent(code: str, consent: oauth.Consent, user: User, *, source: Source = None) -> list[XeroConnection]:
    """Trade the code for tokens, store them, and return every organisation they open, this consent's first.

    Raises XeroRejected (mend the settings), XeroAuthError (used or stale code), XeroUnavailable and XeroOutcomeUnknown.
    """
    app = XeroSettings.load()
    if app.gone:
        raise XeroRejected(f"{app.gone} Connect in the portal that works now.")
    tokens = oauth.exchange_code(app.client_id, app.client_secret, code, consent)
    chosen = {tenant.tenant_id for tenant in oauth.list_tenants(tokens.access_token, tokens.authentication_event_id)}
    tenants = oauth.list_tenants(tokens.access_token)
    if not tenants:
        raise XeroRejected("The consent was given, but for no organisation. Connect again and choose one.")
    with transaction.atomic():
        before = _statuses([tenant.tenant_id for tenant in tenants])
        now = clock.now()
        token_set = TokenSet.objects.create(
            xero_user_id=tokens.xero_user_id,
            access_token=tokens.access_token,
            refresh_token=tokens.refresh_token,
            access_expires_at=now + tokens.life,
            refreshed_at=now,
            scopes=tokens.scopes,
        )
        connections = [
            _connected(tenant, token_set, user, tenant.tenant_id in chosen, app.restored_at) for tenant in tenants
        ]
        TokenSet.objects.filter(connections__isnull=True).delete()
        names = ", ".join(each.name for each in connections if each.tenant_id in chosen)
        after = {each.name: each.Status.CONNECTED.label for each in connections}
        record(source, Action.CONNECTION, f"Connected to {names}", before=before, after=after, actor=user)
    return sorted(connections, key=lambda connection: connection.tenant_id not in chosen)


def _statuses(tenant_ids: list[str]) -> dict[str, str]:
    found = XeroConnection.objects.filter(tenant_id__in=tenant_ids)
    return {each.name: each.get_status_display() for each in found}


def _connected(
    tenant: oauth.Tenant, token_set: TokenSet, user: User, chosen: bool, restored_at: dt.datetime | None
) -> XeroConnection:
    """Store one organisation; who connected it, and when, changes only if it was `chosen`."""
    opened = {
        "connection_id": tenant.connection_id,
        "name": tenant.name or "Organisation without a name",
        "token_set": token_set,
        "status": XeroConnection.Status.CONNECTED,
        "status_reason": "",
        **NO_PAUSE,
    }
    by_user = opened | {"connected_by": user, "connected_at": timezone.now()}
    connection, _ = XeroConnection.objects.update_or_create(
        tenant_id=tenant.tenant_id,
        defaults=by_user if chosen else opened,
        # One that a restored database does not know may have been posted to before that was lost.
        create_defaults=by_user | {"restored_at": restored_at},
    )
    return connection


def choose(connection: XeroConnection, *, source: Source = None) -> None:
    """Make uploads go to this organisation and read its reference data. Raises XeroError when only the latter fails."""
    with transaction.atomic():
        # Of several who choose at once, each sees what the one before chose.
        list(XeroConnection.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
        before = XeroConnection.objects.current()
        XeroConnection.objects.filter(is_current=True).exclude(pk=connection.pk).update(is_current=False)
        XeroConnection.objects.filter(pk=connection.pk).update(is_current=True)
        _record_choice(source, before, connection)
    connection.is_current = True
    read_reference(connection)


def _record_choice(source: Source, before: XeroConnection | None, after: XeroConnection) -> None:
    if before != after:
        was = {"Organisation": before.name} if before else {}
        subject = f"Uploads go to {after.name}"
        record(source, Action.CONNECTION, subject, before=was, after={"Organisation": after.name})


def read_reference(connection: XeroConnection, *, click: bool = True) -> None:
    """Read the organisation's reference data anew. Raises XeroError."""
    call(connection, lambda gateway: reference.read(connection, gateway), click=click)


def ask_once(connection: XeroConnection) -> None:
    """Make one call, by which Xero tells whether it takes calls. Raises XeroError; then a pause is in force again."""
    try:
        call(connection, lambda gateway: gateway.read("Organisation"), click=True)
    except XeroUnavailable as error:
        pause(connection, error)
        raise


def tell_apart(unread: Iterable[XeroConnection]) -> None:
    """Read country and currency of organisations that nothing was read of; what cannot be read now stays unknown."""
    for connection in unread:
        try:
            call(connection, partial(reference.read_place, connection), click=True)
        except XeroError as error:
            logger.warning("Connection %s could not be told apart: %s", connection.pk, error)


def read_again_after(connection: XeroConnection, refusals_in_words: Iterable[str], since: dt.datetime) -> None:
    """Read the organisation's reference data where a refusal shows that it changed. What was read after `since` (when
    the upload was queued) and is not stale is read no second time; what cannot be read now is read the next time."""
    if not any(refusals.is_of_the_organisation(words) for words in refusals_in_words):
        return
    kept = XeroConnection.objects.get(pk=connection.pk)
    # One lock date refuses forty calls' worth of invoices: it is read for the first.
    if kept.reference_read_at and kept.reference_read_at > since and not reference.is_stale(kept):
        return
    try:
        call(kept, lambda gateway: reference.read_for_posting(kept, gateway))
    except XeroError as error:
        logger.warning("What connection %s offers could not be read after a refusal: %s", connection.pk, error)


def disconnect(connection: XeroConnection, *, source: Source = None) -> None:
    """Disconnect in Xero, if it can be told, and forget the tokens; settings and invoices stay."""
    try:
        oauth.remove_tenant(fresh_tokens(connection).access_token, connection.connection_id)
    except XeroError:
        # It forgets all the same; Xero may have forgotten us already.
        reason = "The portal forgot the connection, but Xero could not be told: remove it there under Connected apps."
    else:
        reason = ""
    before = {"Status": connection.get_status_display()}
    connection.status = XeroConnection.Status.DISCONNECTED
    connection.status_reason = reason
    connection.is_current = False
    connection.token_set = None
    with transaction.atomic():
        still = XeroConnection.objects.filter(pk=connection.pk).exclude(status=XeroConnection.Status.DISCONNECTED)
        if not still.update(status=connection.status, status_reason=reason, is_current=False, token_set=None):
            return
        TokenSet.objects.filter(connections__isnull=True).delete()
        after = {"Status": connection.get_status_display()} | ({"Reason": reason} if reason else {})
        subject = f"Disconnected {connection.name}"
        record(source, Action.CONNECTION, subject, before=before, after=after)


def call[T](connection: XeroConnection, work: Callable[[Gateway], T], *, click: bool = False) -> T:
    """Run `work`, which must be safe to run twice, with a gateway; an expired token is renewed once.

    A person's `click` may use the permit that bulk work leaves free. Raises the four errors of `errors`; XeroAuthError
    with the connection marked.
    """
    tokens = fresh_tokens(connection)
    try:
        return _with_gateway(connection, tokens, work, click)
    except XeroAuthError as error:
        # A 401 means that nothing was recorded.
        if error.token_expired:
            return _with_renewed_token(connection, tokens, work, click)
        # Xero does not always say that a permission is missing; the consent does.
        needs_reconnecting(connection, tokens, tokens.lacks or str(error))
        raise


def _with_gateway[T](connection: XeroConnection, tokens: TokenSet, work: Callable[[Gateway], T], click: bool) -> T:
    permit = partial(rate_limits.permit, connection, click=click)
    with Gateway(connection.tenant_id, tokens.access_token, permit) as gateway:
        try:
            return work(gateway)
        except XeroUnavailable as error:
            # Whoever met the limit, a person's click too, met it for everyone.
            if error.status_code == HTTPStatus.TOO_MANY_REQUESTS:
                pause(connection, error)
            raise


def _with_renewed_token[T](
    connection: XeroConnection, refused: TokenSet, work: Callable[[Gateway], T], click: bool
) -> T:
    tokens = fresh_tokens(connection, refused_generation=refused.generation)
    try:
        return _with_gateway(connection, tokens, work, click)
    except XeroAuthError as error:
        needs_reconnecting(connection, tokens, tokens.lacks or str(error))
        raise


def needs_reconnecting(connection: XeroConnection, refused: TokenSet | None, reason: str) -> None:
    """Mark that a person must connect again, unless someone did since Xero refused the tokens `refused`."""
    # Whoever connected again meanwhile has other tokens, of which the refusal says nothing.
    _mark(XeroConnection.objects.filter(pk=connection.pk, token_set=refused), reason)


def _mark(connections: QuerySet[XeroConnection], reason: str) -> None:
    status = XeroConnection.Status
    with transaction.atomic():
        for each in connections.filter(status=status.CONNECTED):
            if connections.filter(pk=each.pk, status=status.CONNECTED).update(
                status=status.NEEDS_RECONNECTING, status_reason=reason
            ):
                after = {"Status": status.NEEDS_RECONNECTING.label, "Reason": reason}
                subject = f"{each.name} needs reconnecting"
                before = {"Status": status.CONNECTED.label}
                record(None, Action.CONNECTION, subject, before=before, after=after)


def revive(connection: XeroConnection, *, source: Source = None) -> list[str]:
    """Try the stored tokens with the Client ID and Client Secret as they are now. Returns the names of the
    organisations connected again, [] when Xero refuses or cannot be asked."""
    status = XeroConnection.Status
    if connection.status != status.NEEDS_RECONNECTING:
        return []
    try:
        tokens = fresh_tokens(connection, refused_generation=_tokens_of(connection).generation)
        there = [tenant.tenant_id for tenant in oauth.list_tenants(tokens.access_token)]
    except XeroError:
        return []
    with transaction.atomic():
        opened = XeroConnection.objects.filter(token_set=tokens, tenant_id__in=there, status=status.NEEDS_RECONNECTING)
        names = list(opened.order_by("name").values_list("name", flat=True))
        if names:
            opened.update(status=status.CONNECTED, status_reason="", **NO_PAUSE)
            before = dict.fromkeys(names, status.NEEDS_RECONNECTING.label)
            after = dict.fromkeys(names, status.CONNECTED.label)
            subject = f"Connected again to {', '.join(names)} by another Client ID or Client Secret"
            record(source, Action.CONNECTION, subject, before=before, after=after)
    return names


def pause(connection: XeroConnection, error: XeroUnavailable) -> None:
    """Make no call for this organisation until what Xero asked for has passed."""
    # A pause in force is not lengthened by a call that it kept back.
    if error.problem is Problem.PAUSED:
        return
    until = clock.now() + min(error.retry_after, oauth.LONGEST_PAUSE)
    XeroConnection.objects.filter(pk=connection.pk).filter(
        Q(paused_until__isnull=True) | Q(paused_until__lt=until)
    ).update(paused_until=until, pause_reason=str(error).rstrip("."), pause_problem=error.problem)


def end_pause(connection: XeroConnection, *, source: Source = None) -> bool:
    """End a pause early, by a person's wish. Returns False when none was in force."""
    with transaction.atomic():
        paused = XeroConnection.objects.filter(pk=connection.pk, paused_until__gt=clock.now()).first()
        if paused is None:
            return False
        ended = XeroConnection.objects.filter(pk=paused.pk, paused_until=paused.paused_until)
        if not ended.update(**NO_PAUSE):
            return False
        before = {"Paused until": paused.paused_until, "Reason": paused.pause_reason}
        record(source, Action.CONNECTION, f"{paused.name}: tried before the pause was over", before=before)
    return True


def fresh_tokens(connection: XeroConnection, *, refused_generation: int | None = None) -> TokenSet:
    """Return tokens that are good for a call now; `refused_generation` names some that Xero refused.

    Raises XeroAuthError, the connection marked, or XeroUnavailable.
    """
    # Two refreshes at once would kill the connection, since refresh tokens rotate: who gets the lease by conditional
    # UPDATE renews, everyone else waits for the new pair.
    # https://developer.xero.com/documentation/guides/oauth2/token-types/
    give_up_at = time.monotonic() + timeouts.refresh_lease().total_seconds()
    while True:
        tokens = _tokens_of(connection)
        good = tokens.access_expires_at > clock.now() + RENEW_BEFORE
        if good and tokens.generation != refused_generation:
            return tokens
        if holder := _lease(tokens):
            return _renew(connection, tokens, holder)
        if time.monotonic() > give_up_at:
            raise _renewal_stuck()
        time.sleep(0.05)


def _renewal_stuck() -> XeroUnavailable:
    return XeroUnavailable(
        "The sign-in to Xero is being renewed elsewhere; the portal goes on as soon as that is done.",
        retry_after=timeouts.retry_pause(),
        problem=Problem.REFRESH,
    )


def _tokens_of(connection: XeroConnection) -> TokenSet:
    tokens = TokenSet.objects.filter(connections=connection).first()
    if tokens is None:
        raise XeroAuthError(f"{connection.name} is not connected: connect again.")
    return tokens


def _lease(tokens: TokenSet) -> str:
    """Return the lease's holder, "" when another process renews these tokens. Raises XeroUnavailable."""
    now, holder = clock.now(), liveness.key()
    if not liveness.may_claim(now):
        raise XeroUnavailable(
            "The clock of the machine that this ran on is wrong, or it stalled; nothing was sent. Have its clock "
            "set right, and try again.",
            retry_after=timeouts.retry_pause(),
            problem=Problem.CLOCK,
        )
    won = (
        TokenSet.objects.filter(pk=tokens.pk, generation=tokens.generation)
        .filter(Q(lease_until__isnull=True) | Q(lease_until__lt=now))
        .update(lease_until=now + timeouts.refresh_lease(), lease_holder=holder)
    )
    return holder if won else ""


def free(dead: Collection[UUID]) -> None:
    """Release dead processes' leases: of tokens, and of organisations' contacts."""
    for tokens in TokenSet.objects.exclude(lease_holder=""):
        if liveness.is_of(tokens.lease_holder, dead):
            _release(tokens, tokens.lease_holder)
    for connection in XeroConnection.objects.exclude(contacts_lease_holder=""):
        if liveness.is_of(connection.contacts_lease_holder, dead):
            contacts.release(connection)


def _renew(connection: XeroConnection, tokens: TokenSet, holder: str) -> TokenSet:
    """Refresh and store the new pair before anyone uses it."""
    app = XeroSettings.load()
    try:
        new = oauth.refresh(app.client_id, app.client_secret, tokens.refresh_token)
    except (XeroAuthError, XeroRejected) as error:
        if not _mark_set(tokens, holder, str(error)):
            raise _renewal_stuck() from error
        raise XeroAuthError(str(error)) from error
    except XeroUnavailable:
        _release(tokens, holder)
        raise
    except XeroError as error:
        _release(tokens, holder)
        # The answer was lost: the old refresh token is still stored, and Xero takes it again for 30 minutes.
        raise XeroUnavailable(str(error), retry_after=timeouts.retry_pause(), problem=Problem.REFRESH) from error
    now = clock.now()
    TokenSet.objects.filter(pk=tokens.pk, lease_holder=holder).update(
        access_token=new.access_token,
        refresh_token=new.refresh_token,
        access_expires_at=now + new.life,
        refreshed_at=now,
        scopes=new.scopes or tokens.scopes,
        generation=tokens.generation + 1,
        lease_until=None,
        lease_holder="",
    )
    return _tokens_of(connection)


def keep_alive() -> None:
    """Once a day: use each refresh token, and notice organisations that were disconnected in Xero."""
    # An unused refresh token dies after 60 days. What cannot be asked now is asked tomorrow.
    # https://developer.xero.com/documentation/guides/oauth2/token-types/
    for tokens in TokenSet.objects.filter(connections__status=XeroConnection.Status.CONNECTED).distinct():
        connected = list(tokens.connections.filter(status=XeroConnection.Status.CONNECTED))
        try:
            fresh = fresh_tokens(connected[0], refused_generation=tokens.generation)
            still_there = {tenant.tenant_id for tenant in oauth.list_tenants(fresh.access_token)}
        except XeroError as error:
            logger.warning("Tokens %s could not be renewed: %s", tokens.pk, error)
            continue
        for connection in connected:
            if connection.tenant_id not in still_there:
                reason = f"{connection.name} was disconnected in Xero. Connect again to go on."
                needs_reconnecting(connection, tokens, reason)


def _release(tokens: TokenSet, holder: str) -> bool:
    held = TokenSet.objects.filter(pk=tokens.pk, lease_holder=holder)
    return bool(held.update(lease_until=None, lease_holder=""))


def _mark_set(tokens: TokenSet, holder: str, reason: str) -> bool:
    """Mark every organisation of these dead tokens. Returns False when someone else had the lease meanwhile."""
    if not _release(tokens, holder):
        return False
    _mark(XeroConnection.objects.filter(token_set=tokens), reason)
    return True
