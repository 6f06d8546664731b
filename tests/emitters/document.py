"""What the documentation says of real emitters, written from the table that the tests hold true.

python -m tests.emitters.document    # writes its part of docs/emitters.md
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .emitters import EMITTERS
from .truth import TRUTH

if TYPE_CHECKING:
    from .emitters import Emitter
    from .environments import Environment
    from .truth import Lack

PAGE: Final = Path(__file__).parents[2] / "docs" / "emitters.md"
_PART: Final = re.compile(r"(?<=document` -->\n).*(?=<!-- /measured -->)", re.DOTALL)
_APIS: Final = {
    "messages": "Anthropic",
    "converse": "Bedrock Converse",
    "invoke": "Bedrock Invoke",
    "gemini": "Gemini",
    "chat": "OpenAI chat",
    "responses": "OpenAI Responses",
    "embeddings": "OpenAI embeddings",
}
_PINNED: Final = re.compile(r"(?P<name>.+?)(?:\[.*\])?(?:==|(?<=.)@)(?P<version>[^@]+)")

_HEAD: Final = """\
## Which of them give the true cost

Each line is a real app: the emitter as published, switched on as its own documentation says, calling a server that
answers as the provider does, in a third of a second, and sending what it sends to `spancost serve`. Nothing encloses
its calls, as in a script or a job, unless the line says that it is in a request. The answers are made to be hard to
read right: part of the input comes from a cache and part is written to one, for five minutes and for an hour; a tool's
result and thoughts stand outside Gemini's totals; OpenAI serves on its flex tier. A `+` means that several describe
the same call.

✓ is one charge, to the picodollar. Anything else is how far the charge is off because the emitter leaves something
out, with the number of what that is. Few calls are as hard as these: without prompt caching, tools of the provider's
and cheaper tiers, most of what is listed here makes no difference. `a / b` is a plain call and a streamed one; `·` was
not run.

"""
_BESIDE: Final = """
spancost's own instrumentation has all the facts, and beside any of these the description that knows most is charged,
once (see [one-charge.md](one-charge.md)).

The tests measure it: `make e2e` the most common ones, `SPANCOST_EMITTERS=all make e2e` all of them.
"""


def document(page: str) -> str:
    """The page with its part as it should be."""
    return _PART.sub(lambda _: _measured(), page, count=1)


def _measured() -> str:
    reasons: dict[str, int] = {}
    rows = [_row(emitter, reasons) for emitter in EMITTERS]
    head = f"| emitter | {' | '.join(_APIS.values())} |\n|---|{'---|' * len(_APIS)}\n"
    notes = "".join(f"{number}. {reason}\n" for reason, number in reasons.items())
    versions = ", ".join(sorted({pinned for emitter in EMITTERS for pinned in _versions(emitter.environment)}))
    return f"{_HEAD}{head}{''.join(rows)}\nWhat is left out:\n\n{notes}\nVersions: {versions}.\n{_BESIDE}"


def _row(emitter: Emitter, reasons: dict[str, int]) -> str:
    cells = [_cell(emitter, api, reasons) for api in _APIS]
    return f"| {emitter.name} | {' | '.join(cells)} |\n"


def _cell(emitter: Emitter, api: str, reasons: dict[str, int]) -> str:
    found = [_mark(emitter, case, reasons) for case in (api, f"{api} stream") if case in emitter.cases]
    return " / ".join(dict.fromkeys(found)) if found else "·"


def _mark(emitter: Emitter, case: str, reasons: dict[str, int]) -> str:
    lack = emitter.lacks.get(case)
    if lack is None:
        return "✓"
    number = reasons.setdefault(lack.reason, len(reasons) + 1)
    return f"{_off(case, lack)} ({number})"


def _off(case: str, lack: Lack) -> str:
    known = [usd for usd in lack.charges if usd is not None]
    return "unpriced" if None in lack.charges else f"{round(100 * (sum(known) / TRUTH[case] - 1)):+d} %"


def _versions(environment: Environment) -> list[str]:
    found = (_PINNED.fullmatch(package) for package in environment.packages)
    return [f"{pinned['name']} {pinned['version']}" for pinned in found if pinned is not None]


if __name__ == "__main__":
    PAGE.write_text(document(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
