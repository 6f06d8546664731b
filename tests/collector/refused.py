"""What is said of settings that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spancost_collector.config import load
from spancost_pricing import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def problems(file: Path | None, environment: Mapping[str, str] | None = None, **flags: object) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(file, environment or {}, {f"--{name}": ((name,), value) for name, value in flags.items()})
    return str(refused.value).splitlines()
