"""The price data that an operator has taken over: every file kept under its content's hash, one of them in use.

Without any, prices come from the data that is installed with the package. A file is only ever added, so a charge of
last month can be traced to the very bytes that priced it; going back is moving the pointer.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from spancost_collector.locations import default_price_data
from spancost_pricing import ConfigError, PriceFileError, load_book
from spancost_pricing.errors import unreadable
from spancost_pricing.price_data import parse_price_data
from spancost_pricing.snapshot import bundled_version

if TYPE_CHECKING:
    from pathlib import Path

    from spancost_pricing import Book
    from spancost_pricing.snapshot import Snapshot

_log = logging.getLogger(__name__)

_POINTER: Final = "current"
_REMEDY: Final = (
    "Run `spancost prices update --reset` to go back to the installed price data,"
    " or `spancost prices update --file` with data that is whole"
)


@dataclass(frozen=True, slots=True)
class Adopted:
    """The price data in use, where it is not the installed one."""

    path: Path
    sha256: str
    beside: str
    """The version of the installed data when it was taken over."""

    @property
    def outdated(self) -> bool:
        """Whether other data has been installed since, which may be newer."""
        return self.beside != bundled_version()


class PriceDataFolder:
    """Price data by content hash, and which of it is in use."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = default_price_data() if folder is None else folder
        self._pointer = self.folder / _POINTER

    def current(self) -> Adopted | None:
        """What is in use; None is the installed data.

        Raises:
            PriceFileError: the pointer cannot be read.
        """
        try:
            text = self._pointer.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise PriceFileError(f"{unreadable(self._pointer, error)}. {_REMEDY}") from None
        try:
            found: object = json.loads(text)
        except ValueError:
            found = None
        pointer = cast("dict[str, object]", found) if isinstance(found, dict) else {}
        sha256, beside = pointer.get("sha256"), pointer.get("beside")
        if not isinstance(sha256, str) or not isinstance(beside, str) or not sha256.isalnum():
            raise PriceFileError(f"{self._pointer}: does not say which price data is in use. {_REMEDY}")
        return Adopted(self.folder / f"{sha256}.json", sha256, beside)

    def snapshot(self) -> Snapshot | None:
        """The price data in use, checked to be what was taken over; None is the installed data.

        Raises:
            PriceFileError: it is not there, not whole, or cannot be used.
        """
        adopted = self.current()
        if adopted is None:
            return None
        try:
            content = adopted.path.read_bytes()
        except OSError as error:
            raise PriceFileError(f"{unreadable(adopted.path, error)}. {_REMEDY}") from None
        if hashlib.sha256(content).hexdigest() != adopted.sha256:
            raise PriceFileError(f"{adopted.path}: is not what was taken over: its hash differs. {_REMEDY}")
        try:
            return parse_price_data(content, adopted.path.name)
        except PriceFileError as error:
            raise PriceFileError(f"{error}\n{_REMEDY}") from None

    def adopt(self, content: bytes) -> Adopted:
        """Keep price data and use it from now on.

        Raises:
            ConfigError: the folder cannot be written; what was in use still is.
        """
        adopted = Adopted(
            self.folder / f"{hashlib.sha256(content).hexdigest()}.json",
            hashlib.sha256(content).hexdigest(),
            bundled_version(),
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write(adopted.path, content)
            pointer = {"sha256": adopted.sha256, "beside": adopted.beside}
            self._write(self._pointer, json.dumps(pointer, indent=2).encode() + b"\n")
        except OSError as error:
            raise ConfigError(f"{self.folder}: price data cannot be kept: {error.strerror}") from None
        return adopted

    def reset(self) -> bool:
        """Use the installed data again and keep the rest; whether anything else was in use.

        Raises:
            ConfigError: the folder cannot be written.
        """
        try:
            self._pointer.unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ConfigError(f"{self._pointer}: cannot be removed: {error.strerror}") from None
        return True

    def _write(self, path: Path, content: bytes) -> None:
        """Replace a file in one step, so that a reader meets the old one or the new one."""
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def load_current_book(user_file: Path | None = None, folder: PriceDataFolder | None = None) -> Book:
    """The book of the user's prices, our corrections and the price data in use.

    Raises:
        PriceFileError: one of them cannot be used.
    """
    folder = folder or PriceDataFolder()
    book = load_book(user_file, folder.snapshot())
    adopted = folder.current()
    if adopted is not None and adopted.outdated:
        _log.warning(
            "price data %s was taken over before other data was installed, which may be newer now:"
            " `spancost prices update --reset` uses the installed data",
            adopted.sha256[:12],
        )
    return book
