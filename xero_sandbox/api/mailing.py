"""What reaches the customer: the mail that Xero sends, so many a day and no more, and the invoice's online address."""

from datetime import timedelta

from django.conf import settings
from django.urls import reverse

from xero_sandbox import clock, journal
from xero_sandbox.api.answers import Answer, bad_request, not_found
from xero_sandbox.api.document_types import INVOICE
from xero_sandbox.api.reading import by_ident
from xero_sandbox.api.request import ApiRequest
from xero_sandbox.models import Document, Mail, Organisation
from xero_sandbox.storage import writing

DAY = timedelta(days=1)
MAY_BE_SENT = ("AUTHORISED", "PAID")


def email_invoice(request: ApiRequest) -> Answer:
    """Mail one invoice and mark it as sent. A second call mails it again, as at Xero."""
    with writing():
        row = by_ident(request.organisation, INVOICE, request.ident)
        if row is None:
            return not_found()
        if problem := _problem(request.organisation, row):
            return bad_request(
                "A validation exception occurred",
                Elements=[{"InvoiceID": str(row.document_id), "ValidationErrors": [{"Message": problem}]}],
            )
        _send(row, request.app.name)
    return Answer(204, b"")


def show_online_invoice(request: ApiRequest) -> Answer:
    """GET /Invoices/{InvoiceID}/OnlineInvoice: the address at which the customer sees an approved invoice."""
    row = by_ident(request.organisation, INVOICE, request.ident)
    if row is None:
        return not_found()
    if row.status not in MAY_BE_SENT:
        return bad_request("The online invoice is available for approved invoices only.")
    place = reverse("online-invoice", args=[row.document_id])
    return request.envelope("OnlineInvoices", [{"OnlineInvoiceUrl": f"http://localhost:{settings.PORT}{place}"}])


def _problem(organisation: Organisation, row: Document) -> str:
    if row.status not in MAY_BE_SENT:
        return "Invoice not of valid status for emailing. Only approved invoices can be emailed."
    if not row.contact.email:
        return "The contact does not have an email address. An email address is needed to email the invoice."
    if mails_left(organisation) < 1:
        return "The daily email limit for this organisation has been reached."
    return ""


def mails_left(organisation: Organisation) -> int:
    """Return how many mails an organisation may still send: 0 for a demo company."""
    sent = Mail.objects.filter(document__organisation=organisation, at__gt=clock.now() - DAY).count()
    return 0 if organisation.is_demo else max(0, organisation.mails_a_day - sent)


def _send(row: Document, app_name: str) -> None:
    Mail.objects.create(document=row, address=row.contact.email)
    row.sent_to_contact, row.updated_at = True, clock.now()
    row.save()
    journal.note(row, "Emailed", f"This invoice has been sent to {row.contact.email}.", journal.through(app_name)[1])
