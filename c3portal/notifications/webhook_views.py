"""/settings/webhooks/: where else notices are posted, and how they arrived."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from c3portal.audit.record import Action, masked, record, record_changes
from c3portal.http.permissions import role_required
from c3portal.http.versions import changed_meanwhile, version_of
from c3portal.models import Delivery, Webhook, roles
from c3portal.models.notices import Kind
from c3portal.notifications import delivery, email, texts, webhook_admin
from c3portal.notifications.forms import WebhookForm, WebhookKindsForm

DELIVERIES_SHOWN = 20

page = require_http_methods(["GET", "HEAD", "POST"])
for_system_admins = role_required(roles.SYSTEM_ADMIN)


@never_cache
@page
@for_system_admins
def webhooks(request: HttpRequest) -> HttpResponse:
    """List the webhooks and add one; only this answer shows its secret."""
    form = WebhookForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with transaction.atomic():
            form.instance.created_by = request.user
            webhook = form.save()
            record(request, Action.NOTICE, f"Webhook {webhook.url} added", after=_facts(webhook))
        return _show(request, webhook, secret=webhook.secret)
    context = {
        "form": form,
        "webhooks": _with_last_state(),
        "mails": _stuck_mails(),
        "mail_to_console": email.goes_to_console(),
    }
    return render(request, "notices/webhooks.html", context)


def _with_last_state() -> QuerySet[Webhook]:
    last = Delivery.objects.filter(webhook=OuterRef("pk")).order_by("-pk")
    return Webhook.objects.order_by("url").annotate(
        last_status=Subquery(last.values("status")[:1]),
        last_answer=Subquery(last.values("last_answer")[:1]),
        last_at=Subquery(last.values("notice__created_at")[:1]),
    )


def _stuck_mails() -> QuerySet[Delivery]:
    stuck = Delivery.objects.filter(user__is_active=True).exclude(status=Delivery.Status.DELIVERED)
    return stuck.exclude(last_answer="").select_related("notice", "user").order_by("-pk")[:DELIVERIES_SHOWN]


@never_cache
@page
@for_system_admins
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a webhook with its last deliveries, and save which notices it gets."""
    if request.method != "POST":
        return _show(request, get_object_or_404(Webhook, pk=pk))
    with transaction.atomic():
        found = get_object_or_404(Webhook.objects.select_for_update(no_key=True), pk=pk)
        before, version = _facts(found), version_of(found.kinds)
        form = WebhookKindsForm(request.POST, instance=found)
        form.full_clean()
        if words := changed_meanwhile(request, version, Action.NOTICE, f"Webhook {found.url}"):
            form.add_error("kinds", words)
        if not form.is_valid():
            return _show(request, found, form=form)
        form.save()
        record_changes(request, Action.NOTICE, f"Webhook {found.url}", before, _facts(found))
    messages.success(request, "Saved.")
    return redirect("webhook", pk)


def _show(
    request: HttpRequest, found: Webhook, *, form: WebhookKindsForm | None = None, secret: object = ""
) -> HttpResponse:
    sent = found.deliveries.select_related("notice").order_by("-pk")[:DELIVERIES_SHOWN]
    form = form or WebhookKindsForm(instance=found)
    context = {"webhook": found, "form": form, "sent": sent, "secret": secret, "version": version_of(found.kinds)}
    return render(request, "notices/webhook.html", context)


@require_POST
@for_system_admins
def webhook_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Post a test now and say how it went."""
    found = get_object_or_404(Webhook, pk=pk)
    if not found.is_active:
        messages.error(request, "The webhook is switched off, so nothing was sent. Switch it on first.")
        return redirect("webhook", pk)
    record(request, Action.NOTICE, f"Webhook {found.url} tested")
    sent = delivery.send_test(found, texts.webhook_test(str(request.user)))
    if sent.status == Delivery.Status.DELIVERED:
        messages.success(request, f"The test arrived. {sent.last_answer}")
    else:
        messages.error(request, f"The test did not arrive. {sent.last_answer}")
    return redirect("webhook", pk)


@require_POST
@for_system_admins
def webhook_switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a webhook on (`on=1`) or off."""
    found = get_object_or_404(Webhook, pk=pk)
    on = request.POST.get("on") == "1"
    with transaction.atomic():
        if webhook_admin.switch(found, on=on):
            words = f"Webhook {found.url} switched {'on' if on else 'off'}"
            record(request, Action.NOTICE, words, before={"On": not on}, after={"On": on})
    messages.success(request, "The webhook is switched on." if on else "The webhook is switched off; it gets nothing.")
    return redirect("webhook", pk)


@never_cache
@require_POST
@for_system_admins
def webhook_roll(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a webhook a new secret; only this answer shows it."""
    found = get_object_or_404(Webhook, pk=pk)
    with transaction.atomic():
        old = masked(str(found.secret))
        secret = webhook_admin.roll_secret(found)
        words = f"Webhook {found.url}: new secret"
        record(request, Action.NOTICE, words, before={"Secret": old}, after={"Secret": masked(secret)})
    return _show(request, found, secret=secret)


@require_POST
@for_system_admins
def webhook_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete a webhook with its secret and its deliveries."""
    found = get_object_or_404(Webhook, pk=pk)
    with transaction.atomic():
        _, deleted = Webhook.objects.filter(pk=pk).delete()
        if deleted.get(Webhook._meta.label):
            record(request, Action.NOTICE, f"Webhook {found.url} deleted", before=_facts(found))
    messages.success(request, f"The webhook to {found.url} is deleted.")
    return redirect("webhooks")


@require_POST
@for_system_admins
def delivery_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Try a waiting or failed delivery now, and say how it went."""
    found = get_object_or_404(Delivery.objects.select_related("notice", "user", "webhook"), pk=pk)
    back = redirect("webhook", found.webhook_id) if found.webhook_id else redirect("webhooks")
    if not delivery.try_again(found):
        messages.info(request, "It arrived already, so it was not sent again.")
        return back
    record(request, Action.NOTICE, f"“{found.notice.subject}” to {found.user or found.webhook}: tried again")
    found.refresh_from_db()
    delivery.deliver(found)
    found.refresh_from_db()
    if found.status == Delivery.Status.DELIVERED:
        messages.success(request, f"It arrived. {found.last_answer}")
    else:
        messages.error(request, f"It did not arrive. {found.last_answer}")
    return back


def _facts(found: Webhook) -> dict[str, object]:
    labels = [str(Kind(kind).label) for kind in found.kinds or Kind.values]
    return {"Address": found.url, "Notices": labels, "On": found.is_active, "Secret": masked(str(found.secret))}
