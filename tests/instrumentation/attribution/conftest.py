"""A model call to attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ..drivers import DRIVERS

if TYPE_CHECKING:
    from ..provider import Provider


@pytest.fixture
def call(provider: Provider) -> Any:
    """Makes one model call."""
    return DRIVERS["openai"](provider).ask
