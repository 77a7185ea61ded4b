"""Sessions lie encrypted in the database."""

from __future__ import annotations

import base64
import zlib
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from c3portal.models import User
from c3portal.sessions import SessionStore

pytestmark = pytest.mark.django_db
SECRET = "a seed of codes, for the moment between two pages"


def stored() -> str:
    return str(Session.objects.get().session_data)


def test_what_a_session_holds_comes_back_and_lies_in_the_database_in_another_form() -> None:
    store = SessionStore()
    store["seed"] = SECRET
    store.create()

    assert SessionStore(store.session_key)["seed"] == SECRET
    text = base64.urlsafe_b64decode(stored())
    assert SECRET.encode() not in text
    for start in range(len(text)):
        with pytest.raises(zlib.error):
            zlib.decompress(text[start:])


def test_who_was_signed_in_when_the_keys_were_lost_signs_in_again(system_admin: User, settings: Any) -> None:
    client = Client()
    client.force_login(system_admin)
    assert client.get("/account/").status_code == 200

    settings.ENCRYPTION_KEYS = ["another-key-than-the-one-before"]
    assert client.get("/account/").url.startswith("/accounts/login/")


def test_a_new_key_in_front_signs_nobody_out(system_admin: User, settings: Any) -> None:
    client = Client()
    client.force_login(system_admin)
    settings.ENCRYPTION_KEYS = ["a-newer-key-than-the-one-before", *settings.ENCRYPTION_KEYS]
    assert client.get("/account/").status_code == 200
