"""The outbox: who is told, once, by mail and by webhook, and what happens to what does not arrive."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
import standardwebhooks
import time_machine
from django.core.mail import EmailMessage
from django.db import connection as database
from django.utils import timezone

from c3portal.models import AuditEntry, Delivery, Notice, User, Webhook, roles
from c3portal.models.notices import Kind
from c3portal.notifications import delivery, publish, webhook_admin
from c3portal.notifications.texts import Words, in_zone, moment
from c3portal.testing import BASE_DIR, at_once
from c3portal.tests.receivers import MailServer, Receiver

NEWS = Words("Contoso: 3 invoices in Xero", "They arrived.\n\nThere is nothing left to do.")
Status = Delivery.Status


def create_notice(key: str = "a thing", kind: str = Kind.UPLOAD_FINISHED, words: Words = NEWS) -> Notice | None:
    return publish.create_notice(key, kind, words, path="/invoices/logs/1/", data={"upload": 1})


def deliver() -> int:
    return delivery.deliver_due(20)


def outcomes() -> list[tuple[str, str]]:
    return list(Delivery.objects.order_by("pk").values_list("status", "last_answer"))


# Who


def test_the_admins_are_told_and_a_reader_is_not(
    mail_server: MailServer, system_admin: User, finance_admin: User, system_reader: User
) -> None:
    create_notice()
    assert deliver() == 2
    assert {mail["To"] for mail in mail_server.mails} == {system_admin.email, finance_admin.email}


def test_each_users_choice_is_honoured(
    mail_server: MailServer, system_admin: User, finance_admin: User, system_reader: User
) -> None:
    publish.choose(finance_admin, [Kind.DAY_LIMIT])
    publish.choose(system_reader, [Kind.UPLOAD_FINISHED])
    create_notice()
    create_notice("another", Kind.DAY_LIMIT)
    deliver()
    assert len(mail_server.of(system_admin.email)) == 2
    assert len(mail_server.of(finance_admin.email)) == 1
    assert len(mail_server.of(system_reader.email)) == 1


def test_what_a_user_never_touched_follows_their_role(system_reader: User) -> None:
    assert publish.choose(system_reader, [Kind.DAY_LIMIT]) == {Kind.DAY_LIMIT: True}
    roles.grant(system_reader, roles.FINANCE_ADMIN)
    changed = User.objects.get(pk=system_reader.pk)
    assert set(publish.choices_of(changed).values()) == {True}


def test_nobody_without_a_role_or_deactivated_is_told(
    mail_server: MailServer, system_admin: User, finance_admin: User
) -> None:
    User.objects.create_user("nobody@contoso.example")
    User.objects.filter(pk=finance_admin.pk).update(is_active=False)
    create_notice()
    deliver()
    assert [mail["To"] for mail in mail_server.mails] == [system_admin.email]


def test_who_is_deactivated_or_changes_their_mind_meanwhile_gets_nothing(
    mail_server: MailServer, system_admin: User, finance_admin: User
) -> None:
    create_notice()
    User.objects.filter(pk=finance_admin.pk).update(is_active=False)
    publish.choose(system_admin, [])
    deliver()
    assert mail_server.mails == []
    assert outcomes() == [
        (Status.FAILED, "Not sent: the user chose not to be told of this."),
        (Status.FAILED, "Not sent: the user may no longer sign in."),
    ]


def test_a_webhook_gets_the_kinds_it_takes_while_it_is_on(receiver: Receiver, webhook: Webhook) -> None:
    Webhook.objects.create(url=f"{receiver.url}/limits", kinds=[Kind.DAY_LIMIT])
    Webhook.objects.create(url=f"{receiver.url}/off", is_active=False)
    create_notice()
    create_notice("another", Kind.DAY_LIMIT)
    deliver()
    assert sorted(post.path for post in receiver.posts) == ["/hooks", "/hooks", "/limits"]


# What


def test_the_mail_says_where_to_go_and_how_to_be_rid_of_it(
    settings: Any, mail_server: MailServer, finance_admin: User
) -> None:
    settings.PORTAL_URL = "https://portal.contoso.example"
    finance_admin.time_zone = "Australia/Sydney"
    finance_admin.save()
    at = dt.datetime(2026, 9, 18, 14, 5, tzinfo=dt.UTC)
    create_notice(words=Words("Contoso: 3 invoices in Xero", f"It began on {moment(at)}.\n.a line with a dot"))
    deliver()
    (mail,) = mail_server.mails
    assert mail["Subject"] == "[C3 portal] Contoso: 3 invoices in Xero"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<https://portal.contoso.example/account/notices/>"
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content().replace("\r\n", "\n")
    assert "It began on Saturday 19 September 2026, 00:05 (Australia/Sydney).\n.a line" in text
    assert "Open it: https://portal.contoso.example/invoices/logs/1/" in text
    assert "Choose what you are told: https://portal.contoso.example/account/notices/" in text


def test_only_moments_are_turned_into_a_zone() -> None:
    assert in_zone("<b> <2026> and <2026-09-18T14:05:00+00:00>", dt.UTC) == (
        "<b> <2026> and Friday 18 September 2026, 14:05 (UTC)"
    )


def test_the_post_is_signed_and_says_what_happened(receiver: Receiver, webhook: Webhook, settings: Any) -> None:
    notice = create_notice()
    deliver()
    (post,) = receiver.posts
    payload = standardwebhooks.Webhook(str(webhook.secret)).verify(post.body, post.headers)
    assert payload == {
        "type": "upload.finished",
        "timestamp": notice and notice.created_at.isoformat(),
        "data": {
            "subject": NEWS.subject,
            "text": NEWS.body,
            "url": f"{settings.PORTAL_URL}/invoices/logs/1/",
            "upload": 1,
        },
    }
    assert outcomes() == [(Status.DELIVERED, "Answered 204.")]


# Once


def test_every_kind_has_a_name_for_machines_that_the_document_lists() -> None:
    listed = (BASE_DIR / "docs" / "operations" / "notices.md").read_text()
    unnamed = [kind for kind in Kind if f"| `{delivery.EVENT_TYPES.get(kind)}` |" not in listed]
    assert unnamed == []


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_workers_that_notice_the_same_thing_one_tells_it(system_admin: User, webhook: Webhook) -> None:
    results = at_once(4, lambda _: create_notice() is not None)
    assert sorted(results) == [False, False, False, True]
    assert Notice.objects.count() == 1
    assert Delivery.objects.count() == 2


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_several_workers_at_the_outbox_each_message_is_sent_by_one(
    mail_server: MailServer, receiver: Receiver, webhook: Webhook, system_admin: User, finance_admin: User
) -> None:
    for number in range(4):
        create_notice(f"thing {number}")
    tried = at_once(3, lambda _: deliver())
    assert sum(tried) == 12
    assert len(mail_server.of(system_admin.email)) == len(mail_server.of(finance_admin.email)) == 4
    assert len(receiver.posts) == len({post.headers["webhook-id"] for post in receiver.posts}) == 4
    assert set(Delivery.objects.values_list("status", flat=True)) == {Status.DELIVERED}


@pytest.mark.both_databases
def test_a_worker_that_comes_second_to_a_row_leaves_it_alone(receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [500]
    create_notice()
    first, second = Delivery.objects.get(), Delivery.objects.get()
    assert delivery.deliver(first)
    assert not delivery.deliver(second)
    assert len(receiver.posts) == 1


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_message_is_in_flight(
    webhook: Webhook, system_admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []

    def post(*_: Any) -> int:
        inside.append(database.in_atomic_block)
        return 204

    monkeypatch.setattr(delivery.webhook_client, "post", post)
    monkeypatch.setattr(EmailMessage, "send", lambda _: post())
    create_notice()
    deliver()
    assert inside == [False, False]


# Again


def test_it_tries_again_under_the_same_id_until_it_arrives(receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [500, 302, 204]
    with time_machine.travel(timezone.now(), tick=False) as clock:
        create_notice()
        assert deliver() == 1
        assert outcomes() == [(Status.WAITING, "Answered 500: the log there says why.")]
        assert deliver() == 0
        clock.shift(60)
        assert deliver() == 1
        assert "redirects are not followed" in outcomes()[0][1]
        clock.shift(119)
        assert deliver() == 0
        clock.shift(1)
        assert deliver() == 1
    assert outcomes() == [(Status.DELIVERED, "Answered 204.")]
    first, *later = receiver.posts
    assert {post.headers["webhook-id"] for post in later} == {first.headers["webhook-id"]}
    assert {post.body for post in later} == {first.body}
    assert "words of the receiver" not in str(list(Delivery.objects.values()))


def test_it_gives_up_after_three_days_and_says_why(receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [503]
    began = timezone.now()
    with time_machine.travel(began, tick=False) as clock:
        create_notice()
        while Delivery.objects.filter(status=Status.WAITING):
            clock.move_to(Delivery.objects.get().next_try_at)
            deliver()
        lasted = timezone.now() - began
    assert dt.timedelta(days=3) <= lasted < dt.timedelta(days=3, hours=12)
    assert len(receiver.posts) == delivery.MOST_TRIES
    assert outcomes() == [(Status.FAILED, "Answered 503: the log there says why.")]


def test_what_was_given_up_can_be_tried_again_by_hand(receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [503, 204]
    create_notice()
    Delivery.objects.update(tries=delivery.MOST_TRIES - 1)
    deliver()
    assert delivery.try_again(Delivery.objects.get())
    deliver()
    assert outcomes() == [(Status.DELIVERED, "Answered 204.")]
    assert not delivery.try_again(Delivery.objects.get())


def test_a_worker_that_dies_while_sending_costs_minutes(
    receiver: Receiver, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_: Delivery, __: Any) -> None:
        raise KeyboardInterrupt

    create_notice()
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_settle", die)
        with pytest.raises(KeyboardInterrupt):
            deliver()
    assert deliver() == 0
    with time_machine.travel(timezone.now() + delivery.LEASE):
        assert deliver() == 1
    ids = [post.headers["webhook-id"] for post in receiver.posts]
    assert len(ids) == 2
    assert len(set(ids)) == 1


def test_an_answer_that_nobody_waits_for_any_more_changes_nothing(receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [503]
    create_notice()
    deliver()
    late = Delivery.objects.select_related("notice", "webhook").get()
    Delivery.objects.update(tries=2)
    delivery._settle(late, delivery.Outcome("Answered 204.", is_delivered=True))
    assert outcomes() == [(Status.WAITING, "Answered 503: the log there says why.")]


def test_a_message_that_cannot_be_made_does_not_hold_up_the_others(
    receiver: Receiver, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    Webhook.objects.create(url=f"{receiver.url}/broken", secret="whsec_a")
    create_notice()
    assert deliver() == 2
    assert len(receiver.posts) == 1
    assert [status for status, _ in outcomes()] == [Status.DELIVERED, Status.WAITING]
    assert "could not be sent" in caplog.text


@pytest.mark.both_databases
def test_the_longest_name_of_a_host_leaves_room_for_the_answer(webhook: Webhook) -> None:
    Webhook.objects.update(url=f"https://{'.'.join(['x' * 60] * 4)}.invalid/hooks")
    create_notice()
    deliver()
    ((status, words),) = outcomes()
    assert status == Status.WAITING
    assert len(words) == 255


def test_a_receiver_that_is_gone_is_switched_off(receiver: Receiver, webhook: Webhook) -> None:
    receiver.answers = [410]
    create_notice()
    create_notice("another")
    deliver()
    webhook.refresh_from_db()
    assert not webhook.is_active
    assert len(receiver.posts) == 1
    assert outcomes()[0][1].startswith("Answered 410")
    assert outcomes()[1] == (Status.FAILED, webhook_admin.SWITCHED_OFF)
    assert AuditEntry.objects.get().subject == f"Webhook {webhook.url} switched off: it answered 410"


def test_a_trial_is_posted_at_once_and_once(receiver: Receiver, webhook: Webhook, system_admin: User) -> None:
    receiver.answers = [500]
    trial = delivery.send_test(webhook, NEWS)
    assert (trial.status, trial.last_answer) == (Status.FAILED, "Answered 500: the log there says why.")
    assert json.loads(receiver.posts[0].body)["type"] == "portal.test"
    assert Delivery.objects.count() == 1


# Mail that cannot leave


def test_mail_without_a_mail_server_waits_and_says_so(settings: Any, system_admin: User) -> None:
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    create_notice()
    deliver()
    assert outcomes() == [(Status.WAITING, "The portal has no mail server (EMAIL_URL).")]


def test_a_mail_servers_refusal_is_kept_without_its_words(mail_server: MailServer, system_admin: User) -> None:
    mail_server.answer = "550 nobody of that name"
    create_notice()
    deliver()
    assert outcomes() == [(Status.WAITING, "The mail server refused it (550): check the address, then its log.")]


def test_a_mail_server_that_is_away_is_tried_again(settings: Any, mail_server: MailServer, system_admin: User) -> None:
    settings.MAILERS["default"]["OPTIONS"]["port"] = 1
    create_notice()
    deliver()
    assert outcomes() == [(Status.WAITING, "The mail server could not be reached.")]
