"""What users write of their own onto calls: the well-known names in it say who pays, the rest become tags.

Frameworks pass a dictionary of the user's through, as attributes under a prefix or as one JSON document. Which of its
names mean what is one table for all of them, and configuration extends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from spancost_collector.reading.columns import PLACE
from spancost_collector.reading.values import MAX_TAG, MAX_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from spancost_collector.reading.dialect import Dialect, Names

PERSONAL: Final = frozenset({"user"})
"""Columns that tell who a person is."""
_MEANINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "feature": ("feature", "feature_name", "featureName"),
    "task": ("task", "task_type", "taskType", "use_case", "useCase"),
    "tenant": (
        "tenant",
        "tenant_id",
        "tenantId",
        "customer_id",
        "customerId",
        "organization_id",
        "organizationId",
        "org_id",
        "orgId",
        "team_id",
        "teamId",
    ),
    "user": ("user_id", "userId", "user", "end_user", "user_email", "email"),
    "session": (
        "session_id",
        "sessionId",
        "thread_id",
        "threadId",
        "conversation_id",
        "conversationId",
        "chat_id",
        "chatId",
    ),
    "environment": ("environment", "env"),
    "release": ("release", "version"),
}
"""Column -> what users call it."""
_COLUMN_OF: Final = {name: column for column, names in _MEANINGS.items() for name in names}
_TAGS: Final = PLACE["tags"]


def by_metadata(dialect: Dialect, attribution: Mapping[str, Names]) -> dict[str, Names]:
    """A dialect's names with those of configuration in front, and of its users' metadata behind."""
    names = dict(dialect.names)
    wished = {name for more in attribution.values() for name in more}
    for column, known in names.items():
        names[column] = tuple(name for name in known if name not in wished or name.startswith("spancost."))
    for column, more in attribution.items():
        own = tuple(name for name in names.get(column, ()) if name.startswith("spancost."))
        rest = tuple(name for name in names.get(column, ()) if name not in own)
        names[column] = tuple(dict.fromkeys((*own, *more, *rest)))
    taken = {name for known in names.values() for name in known}
    for column, meanings in _MEANINGS.items():
        found = tuple(
            name
            for prefix in dialect.metadata_prefixes
            for meaning in meanings
            if (name := prefix + meaning) not in taken
        )
        names[column] = (*names.get(column, ()), *found)
    return names


def with_metadata(values: list[Any], document: Mapping[str, Any], disguise: Callable[[str], str] | None) -> None:
    """Add what a document says that the span does not say itself, in place."""
    tags: list[str] = []
    for name, value in document.items():
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, (str, int, float)) and value != "":
            text = str(value)
        else:
            continue
        column = _COLUMN_OF.get(name)
        if column in PERSONAL and disguise is not None:
            text = disguise(text)
        if column is None:
            tags.append(f"{name}:{text}"[:MAX_TAG])
        elif values[PLACE[column]] is None and len(text) <= MAX_TAG:
            values[PLACE[column]] = text
    values[_TAGS] = (*values[_TAGS], *tags[:MAX_TAGS])
