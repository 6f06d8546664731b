"""What the coding agents' dialects share: what was worked on and for what, and calls that a subscription covers.

For what a call was made is a tag and no task: an agent's signals say it differently or not at all, and what one of them
corrects of another should be in the same series, or the counters would show both for good.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from spancost_collector.reading.values import MAX_TAG
from spancost_pricing.reported import SUBSCRIPTION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spancost_collector.reading.columns import Kind
    from spancost_collector.reading.dialect import Facts, Names

PURPOSE: Final[Mapping[str, tuple[Kind, Names]]] = {
    "repository": ("text", ("vcs.repository.name", "repository", "git.repository")),
    "owner": ("text", ("vcs.owner.name",)),
    "repository_url": ("text", ("vcs.repository.url.full",)),
    "query_source": ("text", ("query_source",)),
    "role": ("text", ("role",)),
}
"""The notes that `tags` reads."""
_PARTS: Final = re.compile(r"[/:]")
"""What separates owner and name in the address of a repository."""
BY_SUBSCRIPTION: Final[Mapping[str, Any]] = {"reported_usd": Decimal(0), "reported_by": SUBSCRIPTION}
"""Facts of a call that costs nothing beyond a subscription's fee."""


def tags(facts: Mapping[str, Any]) -> Facts:
    """The tag `repository:<owner>/<name>`, and what the agent calls the purpose of a call, as far as they are known."""
    repository = _repository(facts)
    found = [] if repository is None else [f"repository:{repository}"]
    found += [f"{name}:{facts[name]}" for name in ("query_source", "role") if name in facts]
    return {"tags": (*(tag[:MAX_TAG] for tag in found), *facts.get("tags", ()))} if found else {}


def _repository(facts: Mapping[str, Any]) -> str | None:
    name, url = facts.get("repository"), facts.get("repository_url")
    if name is None and url is not None:
        name = "/".join(_PARTS.split(url.rstrip("/").removesuffix(".git"))[-2:])
    if not name:
        return None
    owner = facts.get("owner")
    return f"{owner}/{name}" if owner is not None and "/" not in name else name
