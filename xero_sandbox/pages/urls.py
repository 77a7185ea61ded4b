"""The pages' addresses."""

from pathlib import Path

from django.conf import settings
from django.urls import path
from django.views.static import serve

from xero_sandbox.pages import books, by_hand, faults, my_apps, settings_form, webhooks

STATIC = Path(settings.PACKAGE) / "static"

urlpatterns = [
    path("", books.home, name="home"),
    path("apps/", my_apps.apps, name="apps"),
    path("apps/<str:client_id>/", my_apps.app, name="app"),
    path("apps/<str:client_id>/secret", my_apps.generate_secret, name="generate-secret"),
    path("apps/<str:client_id>/webhook", webhooks.webhook, name="webhook"),
    path("apps/<str:client_id>/webhook/confirm", webhooks.confirm),
    path("apps/<str:client_id>/webhook/replay", webhooks.replay),
    path("apps/<str:client_id>/webhook/fault", webhooks.fault),
    path("organisations/<str:short_code>/", books.organisation, name="organisation"),
    path("organisations/<str:short_code>/settings/", settings_form.settings, name="settings"),
    path("organisations/<str:short_code>/invoices/", books.invoices, name="invoices"),
    path("organisations/<str:short_code>/credit-notes/", books.credit_notes, name="credit-notes"),
    path("organisations/<str:short_code>/contacts/", books.contacts, name="contacts"),
    path("organisations/<str:short_code>/accounts/", books.accounts, name="accounts"),
    path("organisations/<str:short_code>/themes/", books.themes, name="themes"),
    path("organisations/<str:short_code>/tax-rates/", books.tax_rates, name="tax-rates"),
    path("documents/<uuid:document_id>/", books.document, name="document"),
    path("documents/<uuid:document_id>/approve", by_hand.approve),
    path("documents/<uuid:document_id>/payment", by_hand.pay, name="pay"),
    path("documents/<uuid:document_id>/unpay", by_hand.unpay),
    path("documents/<uuid:document_id>/allocation", by_hand.allocate),
    path("documents/<uuid:document_id>/unallocate", by_hand.unallocate),
    path("documents/<uuid:document_id>/void", by_hand.void, name="void"),
    path("documents/<uuid:document_id>/edit", by_hand.edit, name="edit"),
    path("faults/", faults.faults, name="faults"),
    path("faults/lift", faults.lift),
    path("online/<uuid:document_id>/", books.online_invoice, name="online-invoice"),
    path("disconnect/<uuid:connection_id>", books.disconnect, name="disconnect"),
    path("organisationlogin/default.aspx", books.deep_link),
    path("AccountsReceivable/View.aspx", books.wire_link),
    path("AccountsReceivable/ViewCreditNote.aspx", books.wire_link),
    path("static/<path:path>", serve, {"document_root": STATIC}),
]
