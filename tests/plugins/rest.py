"""The rest of a stack below the module under test."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from mesh import LIFE, AnyService, Histogram, Metrics, Param, Params, Reply
from mesh.testing import Trickle, reply

Answer = Callable[[Any], Reply | Awaitable[Reply]]


def _ok(_request: Any) -> Reply:
    return reply()


@attrs.define(eq=False)
class Rest:
    """Remembers the params of each build, and each request with the params of the stack that it came to.

    `closed` are the params of the stacks whose lives have ended. `answer` may be exchanged at any time.
    """

    answer: Answer = _ok
    built: list[Params] = attrs.field(factory=list)
    requests: list[tuple[Params, Any]] = attrs.field(factory=list)
    closed: list[Params] = attrs.field(factory=list)
    services: list[AnyService] = attrs.field(factory=list)
    error: Exception | None = None

    def __call__(self, params: Params) -> AnyService:
        self.built.append(params)
        if self.error is not None:
            raise self.error
        params[LIFE].on_close(lambda: self.closed.append(params))

        async def serve(request: Any, /) -> Reply:
            self.requests.append((params, request))
            answer = self.answer(request)
            return await answer if inspect.isawaitable(answer) else answer

        self.services.append(serve)
        return serve

    def seen(self, param: Param[Any]) -> list[Any]:
        """Return the value of a param in each stack that was built."""
        return [params[param] for params in self.built]

    def asked(self, param: Param[Any]) -> list[Any]:
        """Return the value of a param in the stack of each request."""
        return [params[param] for params, _request in self.requests]


def streamed() -> Reply:
    """Return a reply whose body is still to come."""
    return reply(200, Trickle(b"a", b"b"))


def raising(error: Exception) -> Answer:
    """Return an answer that is an error."""

    def answer(_request: Any) -> Reply:
        raise error

    return answer


async def hanging(_request: Any) -> Reply:
    """Answer never."""
    await trio.sleep_forever()
    raise AssertionError


def numbers(metrics: Metrics, q: str = "") -> dict[str, float]:
    """Return every number below a name, by name; of a histogram its fields, such as `latency.count`."""
    found: dict[str, float] = {}
    for name, metric in metrics.metrics.items():
        if isinstance(metric, Histogram):
            found |= {f"{name}.{field}": number for field, number in metric.window().summary().items()}
        else:
            found[name] = metric.read() or 0
    for name, below in metrics.scopes.items():
        found |= {f"{name}/{rest}": number for rest, number in numbers(below).items()}
    prefix = f"{q}/" if q else ""
    return {name.removeprefix(prefix): number for name, number in found.items() if name.startswith(prefix)}
