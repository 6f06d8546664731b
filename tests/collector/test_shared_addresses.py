"""Addresses that several processes listen on: by those who are meant to, and by nobody else."""

from __future__ import annotations

import socket
from contextlib import closing
from threading import Timer

import pytest

from spancost_collector.config import Address
from spancost_collector.intake import addresses
from spancost_collector.intake.addresses import listening, reserved
from spancost_pricing import ConfigError

ANYWHERE = Address("127.0.0.1", 0)


def address_of(taken: socket.socket) -> Address:
    return Address(*taken.getsockname())


def test_several_may_listen_on_an_address_that_is_reserved_for_them() -> None:
    with closing(reserved(ANYWHERE, "http")) as kept:
        shared = address_of(kept)
        with (
            closing(listening(shared, "http", shared=True)) as one,
            closing(listening(shared, "http", shared=True)) as other,
        ):
            assert {address_of(one), address_of(other)} == {shared}
            with closing(socket.create_connection(shared, timeout=5)):
                one.settimeout(0.2)
                other.settimeout(0.2)
                answered = 0
                for listener in (one, other):
                    try:
                        listener.accept()[0].close()
                        answered += 1
                    except TimeoutError:
                        continue
                assert answered == 1  # and never the socket that only keeps the address


def test_an_address_on_which_somebody_listens_is_not_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "_LETTING_GO_SECONDS", 0.0)
    for shared in (False, True):
        with closing(listening(ANYWHERE, "grpc", shared=shared)) as taken:
            where = address_of(taken)
            with pytest.raises(
                ConfigError, match=rf"^http\.listen: cannot listen on {where} \(Address already in use\)"
            ):
                reserved(where, "http")


def test_a_receiver_that_is_just_letting_go_is_waited_for() -> None:
    taken = listening(ANYWHERE, "http", shared=True)
    where = address_of(taken)
    letting_go = Timer(0.3, taken.close)
    letting_go.start()

    with closing(reserved(where, "http")) as kept:
        assert address_of(kept) == where
    letting_go.join()
