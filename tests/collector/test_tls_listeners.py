"""Listeners with certificates: who they are, whom they let in, and what is said about files that cannot be used."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, cast

import grpc
import httpx
import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from spancost_collector.forward.tls import ssl_context
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.conftest import Launch, Otlp, Running

EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
OK = grpc.StatusCode.OK
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


class Certificates:
    """A private authority, and what it has signed, as files."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.server = self.authority.issue_cert("localhost", "127.0.0.1")
        self.client = self.authority.issue_cert("sender@example.com")
        self.ca = folder / "ca.pem"
        self.cert = folder / "server.pem"
        self.key = folder / "server.key"
        self.client_cert = folder / "client.pem"
        self.client_key = folder / "client.key"
        self.authority.cert_pem.write_to_path(self.ca)
        self.server.cert_chain_pems[0].write_to_path(self.cert)
        self.server.private_key_pem.write_to_path(self.key)
        self.client.cert_chain_pems[0].write_to_path(self.client_cert)
        self.client.private_key_pem.write_to_path(self.client_key)

    def encrypted(self) -> Path:
        """The server's key, locked with a password."""
        key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        locked = self.key.with_name("locked.key")
        locked.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.BestAvailableEncryption(b"password"),
            )
        )
        return locked

    def tls(self, *, mutual: bool = False) -> dict[str, Path]:
        return {"cert": self.cert, "key": self.key, **({"client_ca": self.ca} if mutual else {})}

    def context(self, *, with_client: bool) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        if with_client:
            context.load_cert_chain(self.client_cert, self.client_key)
        return context


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def export(running: Running, body: bytes, credentials: grpc.ChannelCredentials | None) -> grpc.StatusCode:
    address = str(running.receiver.grpc_address)
    channel = grpc.insecure_channel(address) if credentials is None else grpc.secure_channel(address, credentials)
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(EXPORT)
    try:
        call(body, timeout=20)
    except grpc.RpcError as error:
        return cast("grpc.Call", error).code()
    finally:
        channel.close()
    return OK


def test_grpc_is_taken_over_tls_and_not_without(launch: Launch, certificates: Certificates, otlp: Otlp) -> None:
    running = launch(grpc={"listen": "127.0.0.1:0", "tls": certificates.tls()})
    body = otlp.body(otlp.call())

    assert export(running, body, grpc.ssl_channel_credentials(certificates.ca.read_bytes())) is OK
    assert export(running, body, None) is UNAVAILABLE
    assert export(running, body, grpc.ssl_channel_credentials()) is UNAVAILABLE  # the sender does not know us


def test_grpc_asks_for_a_certificate(launch: Launch, certificates: Certificates, otlp: Otlp) -> None:
    running = launch(grpc={"listen": "127.0.0.1:0", "tls": certificates.tls(mutual=True)})
    body = otlp.body(otlp.call())
    known = grpc.ssl_channel_credentials(
        certificates.ca.read_bytes(), certificates.client_key.read_bytes(), certificates.client_cert.read_bytes()
    )

    assert export(running, body, known) is OK
    assert export(running, body, grpc.ssl_channel_credentials(certificates.ca.read_bytes())) is UNAVAILABLE


def test_http_is_taken_over_tls_and_asks_for_a_certificate(
    launch: Launch, certificates: Certificates, otlp: Otlp
) -> None:
    running = launch(http={"listen": "127.0.0.1:0", "tls": certificates.tls(mutual=True)})
    url = f"https://{running.receiver.http_address}/v1/traces"
    headers = {"content-type": "application/x-protobuf"}
    body = otlp.body(otlp.call())

    known = httpx.post(url, content=body, headers=headers, verify=certificates.context(with_client=True))

    assert known.status_code == 200
    with pytest.raises(httpx.TransportError):
        httpx.post(url, content=body, headers=headers, verify=certificates.context(with_client=False))
    with pytest.raises(httpx.TransportError):
        httpx.post(url.replace("https", "http"), content=body, headers=headers)


def test_why_a_sender_does_not_get_in_over_http_is_in_the_log(
    launch: Launch, certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    running = launch(http={"listen": "127.0.0.1:0", "tls": certificates.tls(mutual=True)})
    address = running.receiver.http_address

    with pytest.raises(httpx.TransportError):
        httpx.post(f"http://{address}/v1/traces", content=b"")
    with pytest.raises(httpx.TransportError):
        httpx.post(f"https://{address}/v1/traces", content=b"", verify=certificates.context(with_client=False))
    with pytest.raises(httpx.TransportError):
        httpx.post(f"https://{address}/v1/traces", content=b"")  # this one does not know the receiver

    deadline = time.monotonic() + 10
    while len(caplog.messages) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert caplog.messages == [
        "http.tls: handshakes failed (1): HTTP_REQUEST",
        "http.tls: handshakes failed (1): PEER_DID_NOT_RETURN_A_CERTIFICATE",
        "http.tls: handshakes failed (1): TLSV1_ALERT_UNKNOWN_CA",
    ]


def test_the_web_is_served_over_tls_and_asks_for_a_token_but_not_of_probes(
    launch: Launch, certificates: Certificates
) -> None:
    running = launch(web={"listen": "127.0.0.1:0", "tls": certificates.tls(), "tokens": ["scrape"]})
    url = f"https://{running.receiver.web_address}"
    with httpx.Client(verify=certificates.context(with_client=False)) as client:
        statuses = [client.get(f"{url}{path}").status_code for path in ("/metrics", "/healthz", "/readyz", "/")]
        allowed = client.get(f"{url}/metrics", headers={"authorization": "Bearer scrape"})

    assert statuses == [401, 200, 200, 401]
    assert (allowed.status_code, "spancost_receiver_spans_total" in allowed.text) == (200, True)


@pytest.mark.parametrize("listener", ["grpc", "http", "web"])
def test_a_file_that_cannot_be_used_is_named(launch: Launch, certificates: Certificates, listener: str) -> None:
    wrong_key = {**certificates.tls(), "key": certificates.client_key}
    no_cert = {**certificates.tls(), "cert": certificates.cert.with_name("no.pem")}
    no_ca = {**certificates.tls(), "client_ca": certificates.cert.with_name("no.pem")}

    with pytest.raises(ConfigError, match=rf"^{listener}\.tls: cert \S+server.pem with key \S+client.key: .*MISMATCH"):
        launch(**{listener: {"listen": "127.0.0.1:0", "tls": wrong_key}})
    with pytest.raises(ConfigError, match=rf"^{listener}\.tls: cert \S+no.pem with key .*No such file"):
        launch(**{listener: {"listen": "127.0.0.1:0", "tls": no_cert}})
    with pytest.raises(ConfigError, match=rf"^{listener}\.tls: client_ca \S+no.pem: No such file"):
        launch(**{listener: {"listen": "127.0.0.1:0", "tls": no_ca}})


@pytest.mark.parametrize("listener", ["grpc", "http", "web"])
def test_nobody_is_asked_for_the_password_of_a_key(launch: Launch, certificates: Certificates, listener: str) -> None:
    encrypted = certificates.encrypted()

    with pytest.raises(
        ConfigError, match=rf"^{listener}\.tls: cert \S+server.pem with key \S+locked.key: .* encrypted;"
    ):
        launch(**{listener: {"listen": "127.0.0.1:0", "tls": {**certificates.tls(), "key": encrypted}}})
    with pytest.raises(
        ConfigError, match=r"^forward: tls\.cert: \S+server.pem with tls.key \S+locked.key: .* encrypted;"
    ):
        ssl_context(None, certificates.cert, encrypted)


@pytest.mark.parametrize("listener", ["http", "web"])
def test_a_stop_does_not_wait_for_a_sender_that_is_idle(
    launch: Launch, certificates: Certificates, listener: str
) -> None:
    running = launch(**{listener: {"listen": "127.0.0.1:0", "tls": certificates.tls()}})
    address = running.receiver.http_address if listener == "http" else running.receiver.web_address
    with httpx.Client(verify=certificates.context(with_client=False)) as idle:
        idle.get(f"https://{address}/")
        began = time.monotonic()
        running.stop(grace=10)

    assert time.monotonic() - began < 5


def served(address: object) -> int:
    """The serial number of the certificate that an address shows."""
    host, port = str(address).split(":")
    pem = ssl.get_server_certificate((host, int(port)), timeout=20)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


@pytest.mark.parametrize("listener", ["grpc", "http"])
def test_a_renewed_certificate_is_used_without_a_restart(
    launch: Launch, certificates: Certificates, listener: str, otlp: Otlp
) -> None:
    running = launch(**{listener: {"listen": "127.0.0.1:0", "tls": certificates.tls()}})
    address = running.receiver.grpc_address if listener == "grpc" else running.receiver.http_address
    before = served(address)

    renewed = certificates.authority.issue_cert("localhost", "127.0.0.1")
    certificates.cert.write_text("half written")
    while_replaced = served(address)
    renewed.cert_chain_pems[0].write_to_path(certificates.cert)
    renewed.private_key_pem.write_to_path(certificates.key)

    expected = x509.load_pem_x509_certificate(renewed.cert_chain_pems[0].bytes()).serial_number
    assert before == while_replaced != expected
    assert served(address) == expected
