"""Posts to other people's addresses: signed, patient for ten seconds in all, and never into private networks."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from c3portal.models.notices import new_webhook_secret
from c3portal.notifications import webhook_client
from c3portal.tests.receivers import Receiver, http_receiver

pytestmark = pytest.mark.attack

BODY = '{"type":"portal.test","data":{"subject":"Grüße"}}'.encode()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that has every name stand for the given addresses, and counts how often it is asked."""
    lookups: list[str] = []
    real = socket.getaddrinfo

    def resolve(*addresses: str) -> list[str]:
        def answer(host: str, port: int, *args: Any, **more: Any) -> Any:
            try:
                ipaddress.ip_address(host)
            except ValueError:
                lookups.append(host)
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]
            return real(host, port, *args, **more)

        monkeypatch.setattr(socket, "getaddrinfo", answer)
        return lookups

    return resolve


def test_a_receiver_can_verify_the_signature(receiver: Receiver) -> None:
    secret = new_webhook_secret()
    headers = webhook_client.signed(secret, "msg_1", int(time.time()), BODY)
    assert webhook_client.post(f"{receiver.url}/hooks?team=finance", BODY, headers) == 204
    (post,) = receiver.posts
    assert post.path == "/hooks?team=finance"
    assert post.headers["Content-Type"] == "application/json"
    payload = standardwebhooks.Webhook(secret).verify(post.body, post.headers)
    assert payload["data"]["subject"] == "Grüße"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new_webhook_secret()).verify(post.body, post.headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(post.body.replace(b"test", b"fake"), post.headers)


def test_it_follows_no_redirect(receiver: Receiver) -> None:
    receiver.answers = [307]
    assert webhook_client.post(receiver.url, BODY, {}) == 307
    assert len(receiver.posts) == 1


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.251",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1%eth0",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "168.63.129.16",
        "192.88.99.1",
        "192.0.0.9",
        "192.0.0.192",
        "192.0.2.1",
        "192.31.196.1",
        "192.52.193.1",
        "192.175.48.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "100.100.100.200",
        "169.254.170.2",
        "192.168.0.0",
        "10.255.255.255",
        "172.31.255.255",
        "127.255.255.254",
        "0.1.2.3",
        "232.0.0.1",
        "255.255.255.254",
        "3fff::1",
        "3fff:fff:ffff::1",
        "2001:20::1",
        "2001:2f:ffff::1",
        "2001:30::1",
        "2001:2::1",
        "2001:db8::1",
        "2001:10::1",
        "2001::1",
        "2001:0:5db8:d70e::1",
        "2001:3::1",
        "2620:4f:8000::1",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fec0::1",
        "100::1",
        "100:0:0:1::1",
        "5f00::1",
        "64:ff9b:1::a00:1",
        "64:ff9b::a83f:8110",
        "64:ff9b::c058:6301",
        "::ffff:168.63.129.16",
        "::ffff:192.88.99.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "::127.0.0.1",
        "::93.184.215.14",
        "2002:5db8:d70e::1",
        "2002:a83f:8110::1",
        "4000::1",
        "ff0e::1",
        "fe80::1",
    ],
)
def test_it_never_posts_into_a_private_network(resolve: Any, address: str) -> None:
    resolve(address)
    with pytest.raises(webhook_client.WebhookRefused, match=r"does not post to hooks\.example"):
        webhook_client.post("https://hooks.example/", BODY, {})


def test_a_name_in_a_private_network_reads_like_one_that_is_not_there(
    resolve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def page() -> str:
        with pytest.raises(webhook_client.WebhookFailed) as failure:
            webhook_client.check("https://hooks.example/")
        return str(failure.value)

    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    resolve("10.1.2.3")
    private = page()
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert page() == private


def test_one_private_address_among_public_ones_is_one_too_many(resolve: Any) -> None:
    resolve("93.184.215.14", "127.0.0.1")
    with pytest.raises(webhook_client.WebhookRefused):
        webhook_client.check("https://hooks.example/")


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
        "2001:4860:4860::8888",
        "::ffff:93.184.215.14",
        "64:ff9b::5db8:d70e",
    ],
)
def test_public_addresses_are_posted_to(resolve: Any, address: str) -> None:
    resolve(address)
    webhook_client.check("https://hooks.example/")


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "https://",
        "https://user:secret@hooks.example/",
        "https://hooks.example:99999/",
        "//hooks.example/",
        "https://[::1/",
        "https://127.1/",
        "https://2130706433/",
        "https://[::1]/",
        "http://localhost/",
    ],
)
def test_what_is_no_https_address_of_the_internet_is_refused(url: str) -> None:
    with pytest.raises(webhook_client.WebhookRefused):
        webhook_client.check(url)


def test_plain_http_stays_refused_beyond_localhost_whatever_is_allowed(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    webhook_client.check("http://localhost:1/")
    with pytest.raises(webhook_client.WebhookRefused, match="https"):
        webhook_client.check("http://127.0.0.1:1/")


def test_an_unknown_name_may_be_known_later(resolve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(webhook_client.WebhookFailed, match="does not post to hooks") as failure:
        webhook_client.check("https://hooks.example/")
    assert not isinstance(failure.value, webhook_client.WebhookRefused)


def test_nobody_there_is_said_in_words(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://localhost:{closed.getsockname()[1]}/"
        with pytest.raises(webhook_client.WebhookFailed, match="No connection could be made"):
            webhook_client.post(url, BODY, {})


def test_an_answer_that_drips_is_not_waited_for(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_client, "TIMEOUT_SECONDS", 0.5)
    receiver.drip = threading.Event()
    began = time.monotonic()
    with pytest.raises(webhook_client.WebhookFailed, match="in time"):
        webhook_client.post(receiver.url, BODY, {})
    assert time.monotonic() - began < 5


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """The file with key and certificate of hooks.example, its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "hooks.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def https_receiver(certificate: Path, settings: Any, resolve: Any) -> Any:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http_receiver(lambda plain: context.wrap_socket(plain, server_side=True)) as receiver:
        yield receiver


def test_it_connects_to_the_address_it_checked_and_asks_it_for_the_name(
    https_receiver: Receiver, certificate: Path, resolve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    lookups = resolve("127.0.0.1")
    port = https_receiver.url.rpartition(":")[2]
    assert webhook_client.post(f"https://hooks.example:{port}/in", BODY, {}) == 204
    assert lookups == ["hooks.example"]
    assert https_receiver.posts[0].headers["Host"] == f"hooks.example:{port}"


@pytest.mark.parametrize("name", ["hooks.example", "other.example"])
def test_a_certificate_that_nobody_vouches_for_or_of_another_name_is_refused(
    https_receiver: Receiver, certificate: Path, resolve: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name == "other.example":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    resolve("127.0.0.1")
    port = https_receiver.url.rpartition(":")[2]
    with pytest.raises(webhook_client.WebhookFailed, match="certificate could not be verified"):
        webhook_client.post(f"https://{name}:{port}/", BODY, {})
    assert https_receiver.posts == []
