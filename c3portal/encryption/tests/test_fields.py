"""Secrets are encrypted at rest: the first key writes, all of them read."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import connection

from c3portal.encryption.cipher import KeyMissing
from xero_integration.models import XeroSettings

SECRET = "canary-of-the-client-secret"


def stored() -> str:
    """Return the column as it lies in the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM xero_integration_xerosettings")
        return str(cursor.fetchone()[0])


@pytest.fixture
def row(db: None) -> XeroSettings:
    made = XeroSettings.load()
    made.client_secret = SECRET
    made.save()
    return made


def test_a_secret_comes_back_as_it_was_and_lies_in_the_database_in_another_form(row: XeroSettings) -> None:
    assert XeroSettings.load().client_secret == SECRET
    assert SECRET not in stored()


def test_letters_of_every_script_come_back(row: XeroSettings) -> None:
    row.client_secret = "pässwörd 秘密 🔑"
    row.save()
    assert XeroSettings.load().client_secret == "pässwörd 秘密 🔑"


def test_the_same_secret_is_never_stored_twice_in_the_same_form(row: XeroSettings) -> None:
    first = stored()
    row.save()
    assert stored() != first


def test_no_secret_stays_no_secret(row: XeroSettings) -> None:
    row.client_secret = ""
    row.save()
    assert stored() == ""
    assert XeroSettings.load().client_secret == ""


def test_a_new_key_in_front_writes_and_the_old_one_still_reads(row: XeroSettings, settings: Any) -> None:
    (old,) = settings.ENCRYPTION_KEYS
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, old]
    assert XeroSettings.load().client_secret == SECRET

    XeroSettings.load().save()
    settings.ENCRYPTION_KEYS = [new]
    assert XeroSettings.load().client_secret == SECRET
    assert Fernet(new).decrypt(stored().encode()).decode() == SECRET


def test_the_old_key_no_longer_reads_what_the_new_one_wrote(row: XeroSettings, settings: Any) -> None:
    (old,) = settings.ENCRYPTION_KEYS
    settings.ENCRYPTION_KEYS = ["another-key-of-the-tests", old]
    XeroSettings.load().save()
    settings.ENCRYPTION_KEYS = [old]
    with pytest.raises(KeyMissing):
        XeroSettings.load()


def test_a_lost_key_is_named_as_the_cause_without_showing_what_it_kept(row: XeroSettings, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = ["a-key-that-never-wrote-anything"]
    with pytest.raises(KeyMissing, match="put the key that wrote it back into the list") as caught:
        XeroSettings.load()
    assert SECRET not in str(caught.value)
    assert stored() not in str(caught.value)


@pytest.mark.parametrize("keys", [[], [""], ["", " "]])
def test_nothing_is_written_without_a_key(row: XeroSettings, settings: Any, keys: list[str]) -> None:
    settings.ENCRYPTION_KEYS = keys
    with pytest.raises(KeyMissing, match="ENCRYPTION_KEYS is empty"):
        row.save()


def test_blanks_around_a_key_do_not_make_it_another_one(row: XeroSettings, settings: Any) -> None:
    settings.ENCRYPTION_KEYS = [f" {key} " for key in settings.ENCRYPTION_KEYS]
    assert XeroSettings.load().client_secret == SECRET


def test_the_key_of_the_cookies_has_nothing_to_do_with_it(row: XeroSettings, settings: Any) -> None:
    settings.SECRET_KEY = "another secret key altogether, as after it was changed"
    assert XeroSettings.load().client_secret == SECRET

    settings.ENCRYPTION_KEYS = [settings.SECRET_KEY]
    with pytest.raises(KeyMissing):
        XeroSettings.load()


def test_a_stored_value_that_was_tampered_with_is_not_read(row: XeroSettings) -> None:
    value = stored()
    changed = value[:-10] + ("A" if value[-10] != "A" else "B") + value[-9:]
    with connection.cursor() as cursor:
        cursor.execute("UPDATE xero_integration_xerosettings SET client_secret = %s", [changed])
    with pytest.raises(KeyMissing):
        XeroSettings.load()
