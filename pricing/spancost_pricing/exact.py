"""Exact token counts for OpenAI models, where `tiktoken` and its data are already on this machine.

`tiktoken` downloads the data of an encoding when it is first asked for it; an estimate in front of a call must not.
So the file is looked for first, in the places where `tiktoken` looks, and its checksum compared: only what is there
and whole is used, and everything else stays an estimate.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RANKS: Final[Mapping[str, tuple[str, str]]] = {
    "o200k_base": (
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}
"""Encoding -> name and SHA-256 of its file in tiktoken's cache."""


class _Encoding(Protocol):
    def encode_ordinary(self, text: str) -> list[int]: ...


class _Tiktoken(Protocol):
    def get_encoding(self, encoding_name: str) -> _Encoding: ...

    def encoding_name_for_model(self, model_name: str) -> str: ...


def exact_counter(model: str) -> Callable[[str], int] | None:
    """How to count the tokens of a text for the model; None where that cannot be done here and now."""
    if find_spec("tiktoken") is None:
        return None
    tiktoken = cast("_Tiktoken", import_module("tiktoken"))
    try:
        name = tiktoken.encoding_name_for_model(model)
    except KeyError:
        return None
    if not ranks_are_here(name):
        return None
    encode = tiktoken.get_encoding(name).encode_ordinary
    return lambda text: len(encode(text))


def ranks_are_here(encoding: str) -> bool:
    """Whether `tiktoken` would find the data of an encoding whole in its cache, and so not download it."""
    if encoding not in RANKS:
        return False
    name, checksum = RANKS[encoding]
    folder = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    path = (Path(tempfile.gettempdir(), "data-gym-cache") if folder is None else Path(folder)) / name
    return folder != "" and path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == checksum
