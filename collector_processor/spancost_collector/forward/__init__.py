"""Where enriched spans go next: any number of OTLP receivers, and what an acknowledgement waits for.

`next_hops` puts together what is configured; `forwarder` is all of them, `hop` is one, `over_grpc` and `over_http` are
the ways to reach it, and `best_effort` is the queue in front of one that nobody waits for.
"""

from __future__ import annotations

from spancost_collector.forward.next_hops import open_next_hops

__all__ = ["open_next_hops"]
