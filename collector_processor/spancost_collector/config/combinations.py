"""What each setting allows on its own and does not work together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from spancost_collector.config.layers import Key
    from spancost_collector.config.settings import Listener, Settings, Target
    from spancost_collector.config.values import Address


_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})
_FITS_A_HASH: Final = re.compile(r"[0-9a-f*?]+")
_LOCALHOST: Final = frozenset({"localhost", "127.0.0.1", "::1"})


class Conflict(NamedTuple):
    """Settings that do not go together."""

    key: Key
    """The one to change."""
    others: tuple[Key, ...]
    """Those it conflicts with."""
    text: str
    """What was found, which rule, and what to do."""


def conflicts(settings: Settings) -> Iterator[Conflict]:
    """Everything that does not go together."""
    yield from _addresses(settings)
    for name in ("grpc", "http", "web"):
        yield from _exposed(name, getattr(settings, name))
    intake = settings.intake
    if intake.max_queue_bytes < intake.max_message_bytes:
        yield Conflict(
            ("intake", "max_queue_bytes"),
            (("intake", "max_message_bytes"),),
            f"got {int(intake.max_queue_bytes)}; expected at least intake.max_message_bytes"
            f" ({int(intake.max_message_bytes)}), or the largest request never fits",
        )
    if settings.attribution.hash_identifiers and settings.attribution.salt is None:
        yield Conflict(
            ("attribution", "hash_identifiers"),
            (("attribution", "salt"),),
            "needs attribution.salt, or anyone could undo the hash by trying names; e.g. salt: ${env:SPANCOST_SALT}",
        )
    if settings.revenue is not None and not settings.labels.tenant:
        yield Conflict(
            ("revenue",),
            (("labels", "tenant"),),
            "stands beside what each tenant costs, and tenants are no label of metrics; say labels: {tenant: true}",
        )
    for index, subscription in enumerate(settings.subscriptions):
        if not subscription.model_dump(exclude_none=True):
            yield Conflict(
                ("subscriptions", index), (), "names nobody; expected an agent, a service, an organization or a user"
            )
        if (
            settings.attribution.hash_identifiers
            and subscription.user is not None
            and not _FITS_A_HASH.fullmatch(subscription.user)
        ):
            yield Conflict(
                ("subscriptions", index, "user"),
                (("attribution", "hash_identifiers"),),
                f"got {subscription.user}, which no user is called: attribution.hash_identifiers keeps hashes instead"
                " of names; name the hash that reports show, or the organization",
            )
    yield from _insecure(settings)


def _addresses(settings: Settings) -> Iterator[Conflict]:
    if settings.grpc.listen is None and settings.http.listen is None:
        yield Conflict(
            ("grpc", "listen"),
            (("http", "listen"),),
            "got off, as is http.listen; spans have to come in on one of them",
        )
    used: dict[Address, Key] = {}
    for name in ("grpc", "http", "web"):
        listener: Listener = getattr(settings, name)
        listen = listener.listen
        if listen is None or listen.port == 0:
            continue
        if listen in used:
            first = ".".join(str(part) for part in used[listen])
            text = f"got {listen}, which {first} already uses; give it another port"
            yield Conflict((name, "listen"), (used[listen],), text)
        used.setdefault(listen, (name, "listen"))
    for key, target in _targets(settings):
        for listen in used:
            if _reaches(target.address, listen):
                text = f"got {target.endpoint}, which is this receiver itself; name the next one"
                yield Conflict((*key, "endpoint"), (used[listen],), text)


def _reaches(target: Address, listen: Address) -> bool:
    """Whether what is sent to `target` arrives at who listens on `listen`."""
    if target.port != listen.port:
        return False
    if target.host == listen.host or (listen.host in _EVERYWHERE and target.loopback):
        return True
    if target.host in _EVERYWHERE:  # to connect to, that is this machine
        return listen.loopback or listen.host in _EVERYWHERE
    both = {target.host, listen.host}
    return "localhost" in both and both <= _LOCALHOST


def _exposed(name: str, listener: Listener) -> Iterator[Conflict]:
    listen = listener.listen
    if listen is None or listen.loopback or listener.insecure:
        return
    if listener.tls is None and not listener.tokens:
        yield Conflict(
            (name, "listen"),
            ((name, "tls"), (name, "tokens")),
            f"got {listen}, which others than this machine can reach; set {name}.tls or {name}.tokens,"
            f" or {name}.insecure: true where the network keeps others out",
        )


def _targets(settings: Settings) -> Iterator[tuple[Key, Target]]:
    """What is sent to, and where the file says so."""
    for index, hop in enumerate(settings.forward):
        yield ("forward", index), hop
    if settings.metrics.otlp is not None:
        yield ("metrics", "otlp"), settings.metrics.otlp
    if settings.own_traces is not None:
        yield ("own_traces",), settings.own_traces


def _insecure(settings: Settings) -> Iterator[Conflict]:
    for key, target in _targets(settings):
        tls = target.tls
        if tls is not None and not tls.insecure and target.parts.scheme == "http":
            text = "says TLS for an http:// endpoint; write https://, or drop one of the two"
            yield Conflict((*key, "tls"), ((*key, "endpoint"),), text)
        if tls is not None and (tls.cert is None) != (tls.key is None):
            yield Conflict((*key, "tls"), (), "has only one of cert and key; a client certificate needs both")
        if target.protocol == "grpc" and target.parts.path:
            text = f"got {target.endpoint}, and OTLP/gRPC has no path; say protocol: http/protobuf, or drop the path"
            yield Conflict((*key, "endpoint"), ((*key, "protocol"),), text)
        if target.headers and not target.secure and not target.address.loopback and (tls is None or not tls.insecure):
            text = "would go to another machine in clear text; use https://, or say tls: {insecure: true}"
            yield Conflict((*key, "headers"), ((*key, "endpoint"), (*key, "tls")), text)
