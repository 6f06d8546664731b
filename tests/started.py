"""Where a Prometheus or an Alertmanager that a test has started on a free port can be asked.

They listen before they are ready, and answer 503 in between: on a busy machine that lasts long enough to be met.
"""

from __future__ import annotations

import re
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_LISTENING: Final = re.compile(r'msg="Listening on".* address=(\S+)')
_SECONDS: Final = 60.0


def wait_until_ready(log: Path) -> str:
    """The address that it writes into its log, as soon as `/-/ready` there says 200."""
    deadline = time.monotonic() + _SECONDS
    while not (found := _LISTENING.search(log.read_text())):
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    while True:
        try:
            urllib.request.urlopen(f"http://{found[1]}/-/ready", timeout=10).close()
        except urllib.error.HTTPError as error:
            error.close()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            return found[1]
