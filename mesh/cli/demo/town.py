"""The services of the demo: what each of its backends answers, and which of them make up which service."""

import itertools
from collections.abc import Callable
from urllib.parse import parse_qs

import attrs
import trio

from mesh.cli.demo.backend import Backend
from mesh.codec import Serve
from mesh.http import HttpReply, HttpRequest
from mesh.message import Fields
from mesh.service import AnyService

SLOW_SECONDS = 0.5
TEXT = (b"content-type", b"text/plain; charset=utf-8")
REFUSAL: Fields = [TEXT, (b"retry-after", b"0"), (b"finagle-http-nack", b"true")]
"""How a service says that it did not work on a request, so that it is safe to send it again."""

SERVICES = {
    "web": ("web-v1",),
    "web-v1": ("web-v1",),
    "web-v2": ("web-v2",),
    "fast": ("fast-1", "fast-2"),
    "slow": ("slow",),
    "flaky": ("flaky",),
    "control": ("control",),
}
"""The services, each a file in `disco`, and the backends that the file lists."""


@attrs.define(eq=False)
class Town:
    """All backends, which live in `nursery`. The service `control` stops and starts the others."""

    nursery: trio.Nursery
    serve: Serve
    backends: dict[str, Backend] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        services = {
            "web-v1": _saying("hello from web, version 1"),
            "web-v2": _saying("hello from web, version 2"),
            "fast-1": _saying("hello from fast, the first of two"),
            "fast-2": _saying("hello from fast, the second of two"),
            "slow": _slow,
            "flaky": _flaky(),
            "control": self._control,
        }
        self.backends = {name: Backend(service) for name, service in services.items()}

    def start(self) -> None:
        """Start every backend. Raises `ListenError`."""
        for backend in self.backends.values():
            backend.start(self.nursery, self.serve)

    async def _control(self, request: HttpRequest, /) -> HttpReply:
        """Answer `POST /stop/<backend>` and `POST /start/<backend>`."""
        action, _, name = request.target.decode("latin-1").removeprefix("/").partition("/")
        actions: dict[str, Callable[[Backend], None]] = {
            "stop": Backend.stop,
            "start": lambda backend: backend.start(self.nursery, self.serve),
        }
        backend = self.backends.get(name)
        if request.method != b"POST" or action not in actions or backend is None or name == "control":
            names = ", ".join(name for name in self.backends if name != "control")
            return _text(f"POST /stop/NAME or /start/NAME, where NAME is one of {names}", 400)
        actions[action](backend)
        return _text(f"{name} {'runs' if backend.is_running else 'is stopped'}")


def _saying(words: str) -> AnyService:
    async def answer(_request: HttpRequest, /) -> HttpReply:
        return _text(words)

    return answer


async def _slow(request: HttpRequest, /) -> HttpReply:
    """Answer after half a second, or after `?seconds=`, at most a minute."""
    query = parse_qs(request.target.partition(b"?")[2].decode("latin-1"))
    try:
        seconds = min(max(float(query.get("seconds", [str(SLOW_SECONDS)])[0]), 0.0), 60.0)
    except ValueError:
        return _text("?seconds= takes a number", 400)
    await trio.sleep(seconds)
    return _text(f"hello from slow, after {seconds:g} s")


def _flaky() -> AnyService:
    """Return a service that refuses every other request, the first one too."""
    numbers = itertools.count()

    async def answer(_request: HttpRequest, /) -> HttpReply:
        if next(numbers) % 2 == 0:
            reply = _text("flaky does not feel like it", 503)
            reply.headers = list(REFUSAL)
            return reply
        return _text("hello from flaky")

    return answer


def _text(words: str, status: int = 200) -> HttpReply:
    return HttpReply(status, [TEXT], f"{words}\n".encode())
