"""A worker process; `spancost serve` starts it, with the numbers of the sockets that it has inherited."""

from __future__ import annotations

import sys
from multiprocessing.connection import Connection

from spancost_collector.workers.process import run

if __name__ == "__main__":
    run(*(Connection(int(number)) for number in sys.argv[1:]))
