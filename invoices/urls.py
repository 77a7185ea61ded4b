"""The addresses of the invoices: the list, what became of them, and how they get in and out."""

from django.urls import path

from invoices.views import (
    contacts,
    downloads,
    ignoring,
    importing,
    invoice,
    listing,
    logs,
    overrides,
    payload,
    payments,
    preflight,
)
from invoices.views import uploading

urlpatterns = [
    path("analyze/business/invoices/", listing.invoice_list, name="invoice_list"),
    path("invoices/upload/", uploading.upload_to_xero, name="upload_to_xero"),
    path("invoices/preflight/<uuid:pk>/", preflight.preflight, name="preflight"),
    path("invoices/preflight/<uuid:pk>/post/", preflight.post_ready, name="preflight_post"),
    path("invoices/preflight/<uuid:pk>/drafts/", preflight.as_drafts, name="preflight_drafts"),
    path("invoices/ignore/", ignoring.ignore, name="ignore_invoices"),
    path("invoices/take-up/", ignoring.take_up, name="take_up_invoices"),
    path("invoices/payments/read/", payments.read_payments, name="read_payments"),
    path("invoices/logs/", logs.post_logs, name="post_logs"),
    path("invoices/logs/<int:pk>/", logs.upload, name="upload"),
    path("invoices/logs/<int:pk>/again/", logs.upload_again, name="upload_again"),
    path("invoices/logs/<int:pk>/check/", logs.upload_check, name="upload_check"),
    path("invoices/logs/<int:pk>/withdraw/", logs.upload_withdraw, name="upload_withdraw"),
    path("invoices/import/", importing.import_invoices, name="import_invoices"),
    path("invoices/import/<int:pk>/", importing.import_run, name="import_run"),
    path("invoices/import/<int:pk>/errors.csv", importing.import_errors, name="import_errors"),
    path("invoices/download/<str:kind>.csv", downloads.download, name="download"),
    path("invoices/<uuid:pk>/payload/", payload.payload, name="payload"),
    path("invoices/<uuid:pk>/payload.json", payload.payload_json, name="payload_json"),
    path("settings/accounts/", overrides.overrides, {"kind": "accounts"}, name="account_overrides"),
    path("settings/taxes/", overrides.overrides, {"kind": "taxes"}, name="tax_overrides"),
    path("settings/customers/", overrides.overrides, {"kind": "customers"}, name="customer_overrides"),
    path("settings/accounts.csv", overrides.overrides_csv, {"kind": "accounts"}, name="account_overrides_csv"),
    path("settings/taxes.csv", overrides.overrides_csv, {"kind": "taxes"}, name="tax_overrides_csv"),
    path("settings/customers.csv", overrides.overrides_csv, {"kind": "customers"}, name="customer_overrides_csv"),
    path("invoices/<uuid:pk>/", invoice.invoice, name="invoice"),
    path("contacts/", contacts.contacts_page, name="contacts"),
    path("contacts/do/", contacts.contacts_do, name="contacts_do"),
    path("contacts/read/", contacts.read_contacts, name="read_contacts"),
    path("contacts/<int:pk>/", contacts.choose_contact, name="choose_contact"),
]
