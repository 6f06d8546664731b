"""More than one core: processes that take requests in and read them, around the one that keeps the ledger.

`spancost serve` with `workers: 2` is one *writer* and two *workers*. Each worker is a whole `front.Front` on the shared
ports: listeners, queue, pipeline, next hops. What it has read of a group of requests goes to the writer over a socket
of their own (`frames`, `writer_link`), and what comes back is what to append to the spans, or a refusal. The writer's
`desk` lets whatever waits there share a commit. `crew` starts workers, starts them again when they die, and stops them;
`sums` makes one truth on `/metrics` of what each of them counts.

A worker holds nothing that its senders do not have as well until they are acknowledged, so it may die at any moment.
When the writer dies, the socket ends, and with it the workers. They know each other by inherited sockets only: there is
no path or port that somebody else could connect to.
"""

from __future__ import annotations

from spancost_collector.workers.crew import Crew

__all__ = ["Crew"]
