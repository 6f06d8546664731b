"""Who a listener is, and whom it lets in by certificate.

A file that cannot be used is named at the start. Certificates are renewed while a receiver runs, so their files are
looked at whenever somebody connects; what cannot be used then is logged, and the last that could is used on.
Whoever is not let in hears little of the reason, so the log has it: gRPC writes it by itself, for HTTP it is done here.
"""

from __future__ import annotations

import logging
import ssl
from threading import Lock
from typing import TYPE_CHECKING, Final

import grpc

from spancost_collector import private_key
from spancost_collector.logs import Repeated
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from spancost_collector.config import ListenerTls

_log: Final = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]


class Certificate:
    """The certificate of a listener, as its files say at the moment."""

    def __init__(self, tls: ListenerTls, name: str) -> None:
        """Read the files; `name` is the listener's in the configuration.

        Raises:
            ConfigError: one cannot be used.
        """
        self._tls = tls
        self._name = name
        self._stamp = self._look()
        self._context = _server_context(tls, name)
        self._lock = Lock()

    def for_http(self) -> ssl.SSLContext:
        """What an HTTP server takes; it renews itself."""
        accepting = _server_context(self._tls, self._name)

        def choose(connection: ssl.SSLObject, _server_name: str | None, _accepting: ssl.SSLContext) -> None:
            self._renewed()
            connection.context = self._context

        accepting.sni_callback = choose
        accepting.sslobject_class = _telling(self._name)
        return accepting

    def for_grpc(self) -> grpc.ServerCredentials:
        """What a gRPC server takes; it renews itself."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration(),
            lambda: self._configuration() if self._renewed() else None,  # pyright: ignore[reportArgumentType]
            require_client_authentication=self._tls.client_ca is not None,
        )

    def _renewed(self) -> bool:
        """Whether there are other files than before, which are in use from now on."""
        with self._lock:
            found = self._look()
            if found == self._stamp:
                return False
            self._stamp = found
            try:
                self._context = _server_context(self._tls, self._name)
            except ConfigError as error:
                _log.warning("%s. The certificate before it stays in use", error)
                return False
            _log.info("%s.tls: read a new certificate", self._name)
            return True

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        tls = self._tls
        authorities = None if tls.client_ca is None else tls.client_ca.read_bytes()
        return grpc.ssl_server_certificate_configuration([(tls.key.read_bytes(), tls.cert.read_bytes())], authorities)

    def _look(self) -> _Stamp:
        """What tells one version of the files from another; nothing for one that is just being replaced."""
        found: list[tuple[int, int, int]] = []
        for path in (self._tls.cert, self._tls.key):
            try:
                about = path.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((about.st_mtime_ns, about.st_size, about.st_ino))
        return tuple(found)


def _telling(name: str) -> type[ssl.SSLObject]:
    """Connections to the listener `name` that log why a handshake failed, which no event loop does."""
    failures = Repeated()

    class Connection(ssl.SSLObject):
        def do_handshake(self) -> None:
            try:
                super().do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):  # it goes on
                raise
            except ssl.SSLError as error:
                reason = _reason(error)
                if times := failures.add(reason):
                    _log.warning("%s.tls: handshakes failed (%d): %s", name, times, reason)
                raise

    return Connection


def _reason(error: ssl.SSLError) -> str:
    verified = error.verify_message if isinstance(error, ssl.SSLCertVerificationError) else ""
    return ": ".join(part for part in (error.reason or str(error), verified) if part)


def _server_context(tls: ListenerTls, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        private_key.show(context, tls.cert, tls.key)
    except OSError as error:
        raise ConfigError(
            f"{name}.tls: cert {tls.cert} with key {tls.key}: {_said(error)};"
            " name a certificate and the private key that belongs to it, both PEM and not encrypted"
        ) from error
    if tls.client_ca is not None:
        try:
            context.load_verify_locations(tls.client_ca)
        except OSError as error:
            raise ConfigError(
                f"{name}.tls: client_ca {tls.client_ca}: {_said(error)}; name a PEM file of certificates"
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _said(error: OSError) -> str:
    return error.strerror or str(error)
