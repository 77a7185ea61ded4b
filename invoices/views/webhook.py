"""What Xero posts when something changed there."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from c3portal.outgoing import plain_json
from invoices.readback import inbox
from xero_integration import webhooks
from xero_integration.models import XeroSettings

logger = logging.getLogger(__name__)

# Xero's largest delivery is far below; what is larger is read no further.
LARGEST_BODY = 1_000_000


@csrf_exempt
@login_not_required
@require_POST
def xero_webhook(request: HttpRequest) -> HttpResponse:
    """Keep what a delivery of Xero's names: 200 when its signature is right, 401 when it is not, without a word."""
    # Xero asks for an empty answer without cookies within five seconds, and to be told apart from others by these two.
    # https://developer.xero.com/documentation/guides/webhooks/configuring-your-server/
    body = request.read(LARGEST_BODY + 1)
    signature = request.headers.get("x-xero-signature", "")
    if len(body) > LARGEST_BODY or not webhooks.is_signed(body, signature, XeroSettings.webhook_key_now()):
        return HttpResponse(status=401)
    XeroSettings.note_webhook_heard()
    try:
        named = inbox.named(body)
    except plain_json.Unreadable:
        logger.warning("A delivery of Xero's webhook is signed, and cannot be read")
        return HttpResponse(status=200)
    if connections := inbox.put(named):
        inbox.wake(*(each.pk for each in connections))
    return HttpResponse(status=200)
