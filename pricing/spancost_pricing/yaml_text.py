"""YAML as people write it in our files: read safely, dates left as text, mistakes in words.

YAML itself fails on 2026-13-01 before anybody can say at which key it stands, and makes a date of a name that looks
like one. Here a date stays what was written; whoever expects one reads it, and can name the entry where it is none.
"""

from __future__ import annotations

from typing import Any, Final, cast

import yaml

_DATE: Final = "tag:yaml.org,2002:timestamp"
_DEEPEST: Final = 50
"""Lists and mappings within each other: no file of ours has ten, and each is read by a call within a call."""


class TextLoader(yaml.SafeLoader):
    """A safe loader that leaves dates as text, takes no list for a key, and fails with a `yaml.YAMLError` alone."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self._open: list[str | None] = []
        """The anchor, where it has one, of each node that is being read; the outermost first."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The node that comes next."""
        event = cast("yaml.NodeEvent", self.peek_event())  # pyright: ignore[reportUnknownMemberType]
        problem = None
        if len(self._open) > _DEEPEST:
            problem = f"found more than {_DEEPEST} lists and mappings within each other"
        elif isinstance(event, yaml.AliasEvent) and event.anchor in self._open:
            problem = f"found *{event.anchor} within itself"
        if problem is not None:
            raise yaml.MarkedYAMLError(None, None, problem, event.start_mark)
        self._open.append(None if isinstance(event, yaml.AliasEvent) else event.anchor)
        node = super().compose_node(parent, index)
        self._open.pop()
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """The node of a mapping."""
        node = super().compose_mapping_node(anchor)
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "found a list or a mapping where a key should stand", key.start_mark
                )
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """The value of a node."""
        try:
            if node.tag == _DATE:
                return cast("object", self.construct_scalar(cast("yaml.ScalarNode", node)))
            return cast("object", super().construct_object(node, deep=deep))  # pyright: ignore[reportUnknownMemberType]
        except (ValueError, LookupError) as error:
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None, None, f"found what cannot be read as {kind}: {error}", node.start_mark
            ) from error


def yaml_mistake(error: yaml.YAMLError) -> str:
    """What is wrong with a text that is not YAML, and where: `expected ',' or ']' (line 3, column 7)`."""
    if isinstance(error, yaml.reader.ReaderError):
        return f"{error.reason} (character {error.position + 1} of the file)"
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    said: list[str] = []
    for text, mark in ((error.context, error.context_mark), (error.problem, error.problem_mark)):
        if text is not None:
            said.append(text if mark is None else f"{text} (line {mark.line + 1}, column {mark.column + 1})")
    return ", ".join(said)
