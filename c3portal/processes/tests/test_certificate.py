"""When the certificate at PORTAL_URL ends, read from a real TLS server."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from c3portal.processes import certificate, moments
from operations import tasks as operations_tasks
from xero_sandbox.testing import free_port

ENDS = dt.datetime(2027, 3, 1, 12, 0, tzinfo=dt.UTC)


def signed_by_itself(folder: Path) -> Path:
    """Write a key and a certificate for localhost into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    shown = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(ENDS)
        .sign(key, hashes.SHA256())
    )
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "localhost.pem"
    path.write_bytes(shown.public_bytes(encoding) + key.private_bytes(encoding, form, serialization.NoEncryption()))
    return path


@pytest.fixture
def listener(settings: Any) -> Iterator[socket.socket]:
    """What listens at PORTAL_URL."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings.PORTAL_URL = f"https://localhost:{listening.getsockname()[1]}"
        yield listening


@pytest.fixture
def tls(listener: socket.socket, tmp_path: Path) -> Iterator[None]:
    """Have one visitor be shown the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed_by_itself(tmp_path))

    def serve() -> None:
        visitor, _ = listener.accept()
        with visitor, context.wrap_socket(visitor, server_side=True) as encrypted:
            encrypted.recv(1)

    server = threading.Thread(target=serve)
    server.start()
    yield
    server.join(10)


def test_its_end_is_kept_for_monitoring(tls: None, db: None) -> None:
    operations_tasks.look_at_the_certificate()
    assert moments.every() == {moments.CERTIFICATE: ENDS}


def test_what_cannot_be_read_leaves_what_was_known(
    listener: socket.socket, db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that says nothing."""
    monkeypatch.setattr(certificate, "PATIENCE_SECONDS", 0.2)
    moments.note(moments.CERTIFICATE, ENDS)
    operations_tasks.look_at_the_certificate()
    assert moments.every() == {moments.CERTIFICATE: ENDS}
    assert "could not be read" in caplog.text


def test_nobody_there_is_no_error(db: None, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.PORTAL_URL = f"https://localhost:{free_port()}"
    operations_tasks.look_at_the_certificate()
    assert moments.every() == {}
    assert "could not be read" in caplog.text


def test_a_portal_without_https_has_none(db: None, caplog: pytest.LogCaptureFixture) -> None:
    operations_tasks.look_at_the_certificate()
    assert (moments.every(), caplog.text) == ({}, "")
