"""A LiteLLM proxy in front of the provider, with its own telemetry, and an app that knows nothing but the proxy."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asked import CLAUDE, GEMINI, GPT, MESSAGES

if TYPE_CHECKING:
    from asked import Calls

_KEY = "sk-of-the-proxy"
_READY_SECONDS = 120.0
_SETTLING_SECONDS = 3.0
"""It describes a call some time after it has answered, and forgets those that it has not described when it ends."""


class Proxy:
    """A running proxy; it ends when everything is exported."""

    def __init__(self, base: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._folder = tempfile.TemporaryDirectory()
        configuration = Path(self._folder.name) / "config.yaml"
        configuration.write_text(json.dumps(_configuration(base)), encoding="utf-8")  # JSON is YAML
        command = [str(Path(sys.executable).with_name("litellm")), "--config", str(configuration)]
        self._process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            env={
                **os.environ,
                "LITELLM_MODE": "PRODUCTION",
                "LITELLM_MASTER_KEY": _KEY,
                "OTEL_BSP_SCHEDULE_DELAY": "200",  # what waits when it ends is lost
            },
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/health/liveliness", timeout=1):
                    return
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    self._process.kill()
                    raise
                time.sleep(0.1)

    def close(self) -> None:
        time.sleep(_SETTLING_SECONDS)
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
        self._folder.cleanup()


def _configuration(base: str) -> dict[str, Any]:
    served = {
        GPT: {"model": f"openai/{GPT}", "api_base": f"{base}/v1", "api_key": "key"},
        CLAUDE: {"model": f"anthropic/{CLAUDE}", "api_base": base, "api_key": "key"},
        GEMINI: {"model": f"gemini/{GEMINI}", "api_base": f"{base}/v1beta/models/{GEMINI}", "api_key": "key"},
    }
    return {
        "model_list": [{"model_name": name, "litellm_params": parameters} for name, parameters in served.items()],
        "litellm_settings": {"callbacks": ["otel"]},
    }


def litellm_proxy(base: str) -> Calls:
    """OpenAI's SDK, whatever the model."""
    proxy = Proxy(base)
    atexit.register(proxy.close)
    client: Any = import_module("openai").OpenAI(base_url=f"{proxy.url}/v1", api_key=_KEY, max_retries=0)
    calls: Calls = {}
    for case, model in {"chat": GPT, "messages": CLAUDE, "gemini": GEMINI}.items():
        asked: dict[str, Any] = {"model": model, "messages": MESSAGES}
        if case == "chat":
            asked["service_tier"] = "flex"
        calls[case] = lambda asked=asked: client.chat.completions.create(**asked)
        calls[f"{case} stream"] = lambda asked=asked: list(
            client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True})
        )
    return calls
