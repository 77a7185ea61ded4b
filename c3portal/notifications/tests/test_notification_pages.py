"""The pages of the notices: what each user chooses, and the webhooks of a System Admin."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import standardwebhooks
from django.db import connection
from django.test import Client
from django.urls import reverse

from c3portal.models import AuditEntry, Delivery, User, Webhook
from c3portal.models.notices import Kind
from c3portal.notifications import delivery, publish
from c3portal.notifications.texts import Words
from c3portal.tests.receivers import MailServer, Receiver

ClientFor = Callable[[User], Client]
NEWS = Words("Contoso: 3 invoices in Xero", "They arrived.")
EVERYTHING = list(Kind.values)


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def create_notice(key: str = "a thing") -> None:
    publish.create_notice(key, Kind.UPLOAD_FINISHED, NEWS, path="/invoices/logs/1/")


# What each user wants


def test_a_user_chooses_and_only_what_changed_is_kept_and_recorded(client_for: ClientFor, finance_admin: User) -> None:
    client = client_for(finance_admin)
    page = client.get(reverse("notice_choices"))
    assert page.content.decode().count(" checked") == len(EVERYTHING)
    rest = [kind for kind in EVERYTHING if kind != Kind.MAPPING_DRIFT]
    assert "Saved." in text_of(client.post(reverse("notice_choices"), {"kinds": rest}, follow=True))
    assert list(finance_admin.notice_choices.values_list("kind", "wanted")) == [(Kind.MAPPING_DRIFT, False)]
    (entry,) = AuditEntry.objects.filter(action="notice")
    assert entry.actor == finance_admin.email
    assert entry.after == {"A chosen account, tax or theme no longer fits": False}
    client.post(reverse("notice_choices"), {"kinds": rest})
    assert AuditEntry.objects.filter(action="notice").count() == 1


def test_a_reader_is_told_nothing_until_they_ask(client_for: ClientFor, system_reader: User) -> None:
    client = client_for(system_reader)
    assert " checked" not in client.get(reverse("notice_choices")).content.decode()
    client.post(reverse("notice_choices"), {"kinds": [Kind.DAY_LIMIT]})
    assert [user.email for user in publish.readers(Kind.DAY_LIMIT)] == [system_reader.email]


def test_an_unknown_kind_is_not_kept(client_for: ClientFor, finance_admin: User) -> None:
    page = client_for(finance_admin).post(reverse("notice_choices"), {"kinds": ["everything"]})
    assert "not one of the available choices" in text_of(page)
    assert not finance_admin.notice_choices.exists()


def test_the_page_shows_what_was_told_and_what_came_of_it(
    client_for: ClientFor, finance_admin: User, system_admin: User, mail_server: MailServer
) -> None:
    create_notice()
    mail_server.answer = "550 no"
    delivery.deliver_due(20)
    page = client_for(finance_admin).get(reverse("notice_choices"))
    assert 'href="/invoices/logs/1/"' in page.content.decode()
    assert "Tried once The mail server refused it (550): check the address, then its log. Next try" in text_of(page)
    assert text_of(page).count(NEWS.subject) == 1


def test_mail_that_cannot_leave_is_said(
    client_for: ClientFor, settings: Any, finance_admin: User, admin: Client
) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    assert "Ask an administrator" in text_of(client_for(finance_admin).get(reverse("notice_choices")))
    assert "Set EMAIL_URL" in text_of(admin.get(reverse("webhooks")))
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.console.EmailBackend"}}
    assert "into the log" in text_of(admin.get(reverse("webhooks")))
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend"}}
    assert "No mail server" not in text_of(admin.get(reverse("webhooks")))


# Webhooks


def test_the_secret_is_shown_once_and_nowhere_kept_in_clear(admin: Client, receiver: Receiver) -> None:
    page = admin.post(reverse("webhooks"), {"url": f"{receiver.url}/hooks", "kinds": EVERYTHING})
    (secret,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.content.decode())
    assert "no-store" in page["Cache-Control"]
    webhook = Webhook.objects.get()
    assert (webhook.secret, webhook.kinds) == (secret, [])
    for url in (reverse("webhooks"), reverse("webhook", args=[webhook.pk])):
        assert secret not in admin.get(url).content.decode()
    assert "whsec_" not in str(list(AuditEntry.objects.values()))
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM c3portal_webhook")
        assert "whsec_" not in cursor.fetchone()[0]
    delivery.send_test(webhook, NEWS)
    standardwebhooks.Webhook(secret).verify(receiver.posts[0].body, receiver.posts[0].headers)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example/", "must begin with https://"),
        ("https://127.0.0.1/", "does not post to 127.0.0.1"),
        ("https://name:password@hooks.example/", "user name or password"),
        ("hooks", "valid URL"),
    ],
)
def test_an_address_that_is_not_posted_to_is_refused_with_the_reason(admin: Client, url: str, words: str) -> None:
    page = admin.post(reverse("webhooks"), {"url": url, "kinds": EVERYTHING})
    assert words in text_of(page)
    assert "Not added" in text_of(page)
    assert not Webhook.objects.exists()


def test_the_same_address_is_added_once(admin: Client, webhook: Webhook) -> None:
    assert "in the list already" in text_of(admin.post(reverse("webhooks"), {"url": webhook.url, "kinds": EVERYTHING}))
    assert Webhook.objects.count() == 1


def test_the_kinds_can_be_changed_but_not_emptied(admin: Client, webhook: Webhook) -> None:
    url = reverse("webhook", args=[webhook.pk])
    admin.post(url, {"kinds": [Kind.DAY_LIMIT]})
    assert Webhook.objects.get().kinds == [Kind.DAY_LIMIT]
    assert "Choose at least one notice" in text_of(admin.post(url, {}))
    assert Webhook.objects.get().kinds == [Kind.DAY_LIMIT]
    admin.post(url, {"kinds": EVERYTHING})
    assert Webhook.objects.get().kinds == []
    first, second = AuditEntry.objects.order_by("pk")
    assert first.after == second.before == {"Notices": ["Xero's daily limit is reached"]}


def test_a_test_says_whether_it_arrived(admin: Client, webhook: Webhook, receiver: Receiver) -> None:
    receiver.answers = [204, 404]
    url = reverse("webhook_test", args=[webhook.pk])
    assert "The test arrived. Answered 204." in text_of(admin.post(url, follow=True))
    assert "The test did not arrive. Answered 404: the log there says why." in text_of(admin.post(url, follow=True))
    assert len(receiver.posts) == 2
    assert "words of the receiver" not in text_of(admin.get(reverse("webhook", args=[webhook.pk])))


def test_what_is_switched_off_gets_nothing_until_it_is_on_again(
    admin: Client, webhook: Webhook, receiver: Receiver
) -> None:
    create_notice()
    switch = reverse("webhook_switch", args=[webhook.pk])
    admin.post(switch, {"on": "0"})
    create_notice("while off")
    delivery.deliver_due(20)
    assert "nothing was sent" in text_of(admin.post(reverse("webhook_test", args=[webhook.pk]), follow=True))
    assert receiver.posts == []
    admin.post(switch, {"on": "1"})
    create_notice("while on")
    delivery.deliver_due(20)
    assert len(receiver.posts) == 1
    subjects = list(AuditEntry.objects.order_by("pk").values_list("subject", flat=True))
    assert subjects == [f"Webhook {webhook.url} switched off", f"Webhook {webhook.url} switched on"]


def test_a_new_secret_ends_the_old_one(admin: Client, webhook: Webhook, receiver: Receiver) -> None:
    old = str(webhook.secret)
    page = admin.post(reverse("webhook_roll", args=[webhook.pk]))
    (new,) = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.content.decode())
    delivery.send_test(Webhook.objects.get(), NEWS)
    (post,) = receiver.posts
    standardwebhooks.Webhook(new).verify(post.body, post.headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(old).verify(post.body, post.headers)
    assert "whsec_" not in str(list(AuditEntry.objects.values()))


def test_deleting_forgets_it(admin: Client, webhook: Webhook) -> None:
    create_notice()
    assert "is deleted" in text_of(admin.post(reverse("webhook_delete", args=[webhook.pk]), follow=True))
    assert not Webhook.objects.exists()
    assert not Delivery.objects.filter(webhook__isnull=False).exists()
    assert AuditEntry.objects.get().before["Address"] == webhook.url


def test_the_last_twenty_deliveries_are_shown_with_what_came_of_them(
    admin: Client, webhook: Webhook, receiver: Receiver
) -> None:
    receiver.answers = [500]
    for number in range(22):
        create_notice(f"thing {number}")
    delivery.deliver_due(20)
    Delivery.objects.filter(webhook=webhook).update(status=Delivery.Status.FAILED, tries=16)
    page = text_of(admin.get(reverse("webhook", args=[webhook.pk])))
    assert page.count("Given up Answered 500: the log there says why.") == 20
    last = Delivery.objects.filter(webhook=webhook).latest("pk")
    receiver.answers = [200]
    answer = text_of(admin.post(reverse("delivery_again", args=[last.pk]), follow=True))
    assert "It arrived. Answered 200." in answer
    assert "arrived already" in text_of(admin.post(reverse("delivery_again", args=[last.pk]), follow=True))


def test_mail_that_did_not_leave_can_be_tried_again(
    admin: Client, finance_admin: User, mail_server: MailServer
) -> None:
    mail_server.answer = "451 later"
    create_notice()
    delivery.deliver_due(20)
    assert "Unsent mail" in text_of(admin.get(reverse("webhooks")))
    mail_server.answer = "250 fine"
    again = Delivery.objects.get(user=finance_admin)
    assert "It arrived" in text_of(admin.post(reverse("delivery_again", args=[again.pk]), follow=True))
    assert len(mail_server.of(finance_admin.email)) == 1
