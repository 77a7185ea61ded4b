"""Settings → General, and the way to Xero's consent page and back."""

from __future__ import annotations

import time
from typing import cast

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_http_methods, require_POST

from c3portal.audit.record import Action, record, record_changes
from c3portal.http import confirmation
from c3portal.http.permissions import role_required
from c3portal.http.versions import changed_meanwhile
from c3portal.models import User, roles
from xero_integration import connections, reference
from xero_integration.client import oauth, scopes
from xero_integration.client.errors import XeroError
from xero_integration.context_processors import current_connection
from xero_integration.forms import OrganisationForm, SettingsForm
from xero_integration.models import XeroConnection, XeroSettings

CONSENT_KEY = "xero_consent"
# https://developer.xero.com/documentation/guides/oauth2/auth-flow/
# Xero's code lives five minutes; a consent page left open longer than this is started anew.
CONSENT_LIFE_SECONDS = 3600
GENERAL = "Settings → General"

may_connect = role_required(*roles.FINANCE)


def redirect_uri() -> str:
    """Return the redirect URI to register: the portal's root, to the letter."""
    return f"{settings.PORTAL_URL}/"


@role_required(roles.SYSTEM_ADMIN)
def settings_general(request: HttpRequest) -> HttpResponse:
    """Settings → General."""
    connection = current_connection(request)
    if request.method == "POST":
        form = _save_general(request, connection)
    else:
        form = SettingsForm(None, instance=XeroSettings.load(), connection=connection)
    if form.is_valid():
        messages.success(request, "Saved.")
        if form.changes_app and connection and (names := connections.revive(connection, source=request)):
            messages.success(request, f"{', '.join(names)}: connected again. What waited goes on by itself.")
        return redirect("settings_general")
    context = {
        "form": form,
        "version": form.version,
        "redirect_uri": redirect_uri(),
        "xero_settings": form.instance,
        "webhook_address": f"{settings.PORTAL_URL}/webhooks/xero",
    }
    return render(request, "xero_integration/settings_general.html", context)


def _save_general(request: HttpRequest, connection: XeroConnection | None) -> SettingsForm:
    """Save the form, unless it is invalid or outdated; return it."""
    with transaction.atomic():
        form = SettingsForm(request.POST, instance=XeroSettings.lock(), connection=connection)
        form.full_clean()
        if words := changed_meanwhile(request, form.version, Action.SETTINGS, GENERAL):
            form.add_error(None, words)
        if form.is_valid():
            form.instance.updated_by = cast(User, request.user)
            form.save()
            record_changes(request, Action.SETTINGS, GENERAL, *form.changes())
    return form


@may_connect
@require_POST
def connect(request: HttpRequest) -> HttpResponse:
    """Leave for Xero's consent page."""
    app = XeroSettings.load()
    if not app.has_app:
        messages.error(request, "Client ID and Client Secret are needed first: a System Admin saves them in Settings.")
        return redirect("invoice_list")
    consent = oauth.new_consent(redirect_uri())
    request.session[CONSENT_KEY] = {
        "state": consent.state,
        "code_verifier": consent.code_verifier,
        "redirect_uri": consent.redirect_uri,
        "client_id": app.client_id,
        "started": time.time(),
    }
    asked = scopes.asked(is_broad=app.broad_scopes, today=timezone.localdate())
    return redirect(oauth.consent_url(app.client_id, consent, asked))


def comes_from_xero(request: HttpRequest) -> bool:
    """Return whether Xero's consent page led to the portal's root, which is its redirect URI."""
    return any(key in request.GET for key in ("code", "error", "state"))


@may_connect
def connect_return(request: HttpRequest) -> HttpResponse:
    """Back from Xero: check the state, store the tokens, choose the organisation."""
    consent = _pending_consent(request)
    if consent is None:
        messages.error(request, _not_used())
        return redirect("invoice_list")
    if error := request.GET.get("error"):
        words = (
            "The consent was cancelled in Xero"
            if error == "access_denied"
            else f"Xero refused the consent ({error:.60})"
        )
        messages.warning(request, f"{words}. Nothing was changed; press Connect to Xero to try again.")
        return redirect("invoice_list")
    code = request.GET.get("code", "")
    if not code:
        messages.error(request, "Xero's answer held no code. Nothing was changed; press Connect to Xero to try again.")
        return redirect("invoice_list")
    try:
        found = connections.finish_consent(code, consent, cast(User, request.user), source=request)
    except XeroError as refusal:
        messages.error(request, f"Not connected: {refusal}")
        return redirect("invoice_list")
    return _choose(request, found[0]) if len(found) == 1 else redirect(f"{reverse('choose_organisation')}?new=1")


def _not_used() -> str:
    """Say that an answer of Xero's is not that of the consent begun last in this browser."""
    words = "This answer from Xero does not belong to a connection started here a moment ago, so it was not used."
    if (current := XeroConnection.objects.current()) and current.is_usable:
        return f"{words} {current.name} stays connected."
    return f"{words} Press Connect to Xero to start again."


def _pending_consent(request: HttpRequest) -> oauth.Consent | None:
    """Take this browser's consent, which works once; None when the state is stale or forged."""
    pending = request.session.get(CONSENT_KEY)
    # What is forged, which any page can send a browser here with, leaves the consent where it is.
    if not pending or not constant_time_compare(pending["state"], request.GET.get("state", "")):
        return None
    del request.session[CONSENT_KEY]
    if time.time() - pending["started"] > CONSENT_LIFE_SECONDS or pending["client_id"] != XeroSettings.load().client_id:
        return None
    return oauth.Consent(pending["state"], pending["code_verifier"], pending["redirect_uri"])


def _choose(request: HttpRequest, connection: XeroConnection) -> HttpResponse:
    try:
        connections.choose(connection, source=request)
    except XeroError as error:
        messages.warning(request, f"Connected to {connection.name}, but its accounts could not be read yet: {error}")
        return redirect("invoice_list")
    messages.success(request, f"Connected to {connection.name}.")
    if connection.token_set and (words := connection.token_set.lacks):
        messages.warning(request, words)
    _follow_theme(request, connection)
    for problem in reference.settings_problems(XeroSettings.load(), connection).values():
        messages.warning(request, f"{problem} Correct it in Settings → General before uploading.")
    return redirect("invoice_list")


def _follow_theme(request: HttpRequest, connection: XeroConnection) -> None:
    with transaction.atomic():
        xero_settings = XeroSettings.lock()
        before = reference.facts(xero_settings)
        words = reference.follow_theme(xero_settings, connection)
        subject = f"{GENERAL}: the theme as it is in Xero"
        record_changes(request, Action.SETTINGS, subject, before, reference.facts(xero_settings))
    if words:
        messages.info(request, words)


@may_connect
def choose_organisation(request: HttpRequest) -> HttpResponse:
    """Choose among the connected organisations, the newest consent's first; with `new` that one is offered, else the
    one in use."""
    usable = XeroConnection.objects.usable().order_by("-connected_at", "name")
    if not usable:
        messages.error(request, connections.NOT_CONNECTED)
        return redirect("invoice_list")
    if request.method != "POST":
        connections.tell_apart(usable.filter(base_currency=""))
    current = next((each for each in usable if each.is_current), usable[0])
    offered = usable[0] if "new" in request.GET else current
    form = OrganisationForm(request.POST or None, connections=usable, initial={"connection": offered})
    if request.method == "POST" and form.is_valid():
        return _choose(request, form.cleaned_data["connection"])
    return render(request, "xero_integration/choose_organisation.html", {"form": form})


@may_connect
@require_http_methods(["GET", "HEAD", "POST"])
def disconnect(request: HttpRequest) -> HttpResponse:
    """Ask, then disconnect the current organisation."""
    connection = XeroConnection.objects.current()
    if connection and request.method != "POST":
        return confirmation.ask(
            request,
            f"Disconnect {connection.name}?",
            (
                "Nothing more is uploaded to it or read from it, and what waits stays waiting, until someone connects "
                "again.",
                "Nothing in Xero is changed. Settings, invoices and logs stay as they are.",
            ),
            "Disconnect",
            back=reverse("invoice_list"),
            kept=[("organisation", str(connection.pk))],
        )
    if connection and request.POST.get("organisation", str(connection.pk)) != str(connection.pk):
        # Someone chose another one since this was asked.
        messages.warning(request, f"Nothing was disconnected: {connection.name} is in use now.")
    elif connection:
        connections.disconnect(connection, source=request)
        messages.success(request, f"{connection.name} is disconnected. {connection.status_reason}".strip())
    return redirect("invoice_list")


@may_connect
@require_POST
def refresh(request: HttpRequest) -> HttpResponse:
    """Read the reference data anew."""
    connection = XeroConnection.objects.current()
    if connection is None:
        messages.error(request, connections.NOT_CONNECTED)
        return redirect("invoice_list")
    try:
        connections.read_reference(connection)
    except XeroError as error:
        messages.error(request, f"Nothing was changed: {error}")
    else:
        record(request, Action.OPERATION, f"What {connection.name} offers was refreshed")
        messages.success(request, f"Accounts, themes, tax rates and currencies of {connection.name} were refreshed.")
        _follow_theme(request, connection)
    return redirect("settings_general" if roles.role_of(request.user) == roles.SYSTEM_ADMIN else "invoice_list")


@may_connect
@require_POST
def try_now(request: HttpRequest) -> HttpResponse:
    """End the pause that Xero asked for, and ask Xero once whether it goes on."""
    connection = XeroConnection.objects.current()
    if connection is None or not connections.end_pause(connection, source=request):
        messages.info(request, "Nothing was changed: no pause is in force.")
        return redirect("invoice_list")
    try:
        connections.ask_once(connection)
    except XeroError as error:
        messages.warning(request, f"Xero was asked once, and not yet: {error} Uploads to {connection.name} wait.")
    else:
        messages.success(request, f"Xero takes calls again: uploads to {connection.name} go on now.")
    return redirect("invoice_list")
