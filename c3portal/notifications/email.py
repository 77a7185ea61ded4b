"""What a notice's mail looks like, and `send`, by which every mail leaves."""

from __future__ import annotations

import smtplib
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from c3portal.models import Notice, User
from c3portal.notifications.publish import message_id
from c3portal.notifications.texts import in_zone


class MailFailed(Exception):
    """The mail server did not take it, now; `str(error)` is fit for a page and names nobody."""


def is_sent() -> bool:
    """Return whether the portal sends mail at all."""
    return not str(settings.MAILERS["default"]["BACKEND"]).endswith(".dummy.EmailBackend")


def goes_to_console() -> bool:
    """Return whether mail goes to the log instead."""
    return str(settings.MAILERS["default"]["BACKEND"]).endswith(".console.EmailBackend")


def of_notice(notice: Notice, user: User) -> EmailMessage:
    """Return the mail that tells `user` of the notice, times in their zone."""
    choose = f"{settings.PORTAL_URL}{reverse('notice_choices')}"
    parts = [notice.body, f"Open it: {settings.PORTAL_URL}{notice.path}" if notice.path else ""]
    parts += [
        f"-- \nSent by the C3 portal at {settings.PORTAL_URL} to {user.email}.\nChoose what you are told: {choose}"
    ]
    return EmailMessage(
        f"[C3 portal] {in_zone(notice.subject, user.zone)}",
        in_zone("\n\n".join(part for part in parts if part), user.zone) + "\n",
        to=[user.email],
        headers={
            "Message-ID": f"<{message_id(notice)}.{user.pk}@{urlsplit(settings.PORTAL_URL).hostname}>",
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{choose}>",
        },
    )


def to_person(address: str, subject: str, body: str) -> EmailMessage:
    """Return a mail of plain text to one address."""
    return EmailMessage(subject, body, to=[address])


def send(message: EmailMessage) -> None:
    """Hand the mail to the mail server. Raises MailFailed, also where the portal has none."""
    if not is_sent():
        raise MailFailed("The portal has no mail server (EMAIL_URL).")
    try:
        message.send()
    except smtplib.SMTPException as error:
        raise MailFailed(_refusal(error)) from error
    except OSError as error:
        raise MailFailed("The mail server could not be reached.") from error


def _refusal(error: smtplib.SMTPException) -> str:
    # The number alone: the server's words may name people.
    code = getattr(error, "smtp_code", None)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code = next((code for code, _ in error.recipients.values()), None)
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The mail server refused the portal's sign-in ({code}): check EMAIL_URL."
    if code:
        return f"The mail server refused it ({code}): check the address, then its log."
    return "The mail server broke off: its log says why."
