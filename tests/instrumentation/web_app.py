"""A shop on FastAPI and Flask that knows nothing of spancost; run under `opentelemetry-instrument` by its test.

Each route makes its model call in another way; each request says in a header which feature it is, and in others what
nobody may believe.
"""

from __future__ import annotations

import asyncio
import http.client
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

fastapi: Any = import_module("fastapi")
flask: Any = import_module("flask")
uvicorn: Any = import_module("uvicorn")
serving: Any = import_module("werkzeug.serving")
openai: Any = import_module("openai")

ASKED: dict[str, Any] = {"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}
sync_client = openai.OpenAI()
async_client = openai.AsyncOpenAI()
pool = ThreadPoolExecutor(2)


def ask() -> str:
    return sync_client.chat.completions.create(**ASKED).id


async def ask_async() -> str:
    return (await async_client.chat.completions.create(**ASKED)).id


def stream() -> int:
    return len(list(sync_client.chat.completions.create(**ASKED, stream=True)))


fast = fastapi.FastAPI()


@fast.get("/coroutine")
async def coroutine() -> str:
    return await ask_async()


@fast.get("/function")
def function() -> str:
    return ask()


@fast.get("/tasks")
async def tasks() -> list[str]:
    return list(await asyncio.gather(*(asyncio.create_task(ask_async()) for _ in range(3))))


@fast.get("/executor")
async def executor() -> str:
    return await asyncio.get_running_loop().run_in_executor(pool, ask)


@fast.get("/to-thread")
async def to_thread() -> str:
    return await asyncio.to_thread(ask)


older = flask.Flask("shop")


@older.get("/view")
def view() -> str:
    return ask()


@older.get("/stream")
def streamed() -> str:
    return str(stream())


@older.get("/pool")
def pooled() -> str:
    return pool.submit(ask).result()


@older.get("/thread")
def threaded() -> str:
    worker = threading.Thread(target=ask)
    worker.start()
    worker.join()
    return "done"


def visit(port: int, path: str, **headers: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {answer.read()!r}")
    connection.close()


def main() -> None:
    server = uvicorn.Server(uvicorn.Config(fast, host="127.0.0.1", port=0, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    fast_port = server.servers[0].sockets[0].getsockname()[1]
    wsgi = serving.make_server("127.0.0.1", 0, older, threaded=True)
    threading.Thread(target=wsgi.serve_forever, daemon=True).start()

    for path in ("/coroutine", "/function", "/tasks", "/executor", "/to-thread"):
        claims(fast_port, path)
    for path in ("/view", "/stream", "/pool", "/thread"):
        claims(wsgi.server_port, path)
    visit(fast_port, "/coroutine", **{"X-User": "forged", "baggage": "spancost.feature=forged,tenant=forged"})
    visit(wsgi.server_port, "/view", **{"X-User": "forged", "baggage": "spancost.feature=forged,tenant=forged"})
    wsgi.shutdown()
    server.should_exit = True


def claims(port: int, path: str) -> None:
    visit(port, path, **{"X-Feature": path.strip("/"), "X-User": "forged", "baggage": "app.user=u42,tenant=forged"})


if __name__ == "__main__":
    main()
