"""How a next hop is known to be the right one, and how it knows us; an unusable file is named at the start."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import grpc

from spancost_collector import private_key
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def ssl_context(
    ca: Path | None = None, cert: Path | None = None, key: Path | None = None, *, section: str = "forward"
) -> ssl.SSLContext:
    """For an HTTP client; all files PEM. Without `ca`, the authorities that this machine trusts.

    `section` is where the configuration names them.

    Raises:
        ConfigError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ConfigError(f"{section}: tls.ca: {ca}: {_said(error)}; name a PEM file of certificates") from error
    if cert is not None:
        try:
            private_key.show(context, cert, key)
        except OSError as error:
            raise ConfigError(
                f"{section}: tls.cert: {cert} with tls.key {key}: {_said(error)};"
                " name a certificate and the private key that belongs to it, both PEM and not encrypted"
            ) from error
    return context


def grpc_credentials(
    ca: Path | None = None, cert: Path | None = None, key: Path | None = None, *, section: str = "forward"
) -> grpc.ChannelCredentials:
    """For a gRPC channel; as `ssl_context`.

    Raises:
        ConfigError: a file cannot be used.
    """
    # gRPC takes anything, and would fail at the first call without saying which file it is
    ssl_context(ca, cert, key, section=section)
    return grpc.ssl_channel_credentials(
        root_certificates=None if ca is None else ca.read_bytes(),
        private_key=None if key is None else key.read_bytes(),
        certificate_chain=None if cert is None else cert.read_bytes(),
    )


def _said(error: OSError) -> str:
    return error.strerror or str(error)
