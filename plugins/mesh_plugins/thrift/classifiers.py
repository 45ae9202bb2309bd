"""What a Thrift reply means. linkerd took every reply for a success; Finagle has classifiers, but only for what is decoded.

Source: finagle-thrift, service/ThriftResponseClassifier.scala.
"""

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import attrs

from mesh import (
    AttemptTimeout,
    Classifier,
    IdleTimeout,
    MeshError,
    Outcome,
    Reply,
    Request,
    UpstreamBroken,
    classify_errors,
    key,
)
from mesh_plugins.mux.errors import classify as by_status
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.thrift.exceptions import result_field
from mesh_plugins.thrift.message import ThriftReply, ThriftRequest, read_reply
from mesh_plugins.thrift.wire import EXCEPTION, Malformed
from mesh_plugins.thriftmux.methods import classify as in_mux
from mesh_plugins.thriftmux.methods import head_of

_SUCCESS, _FAILURE = Outcome.SUCCESS, Outcome.FAILURE  # looking a member up in its class takes 60 ns
PASSING = (AttemptTimeout, IdleTimeout, UpstreamBroken)  # trouble with one endpoint that another may not have


@attrs.frozen
class ApplicationExceptionsConfig:
    """A `TApplicationException` is a failure, an exception that the method declares is not; the default."""

    retryable_methods: tuple[str, ...] = key(
        'The methods whose failures may be retried, such as `["get*"]`; a multiplexed one is `service:method`.', ()
    )


@attrs.frozen
class DeclaredExceptionsConfig:
    """Every exception is a failure, one that the method declares too."""

    retryable_methods: tuple[str, ...] = key(
        'The methods whose failures may be retried, such as `["get*"]`; a multiplexed one is `service:method`.', ()
    )


@attrs.frozen
class AllSuccessfulConfig:
    """Nothing is a failure but what has no reply, as in linkerd."""


def application_exceptions(request: Request, result: Reply | MeshError) -> Outcome:
    """Call a `TApplicationException` a failure, and any other reply a success; in Mux, only one with the status `OK`."""
    if isinstance(result, ThriftReply):
        return _FAILURE if result.head.kind == EXCEPTION else _SUCCESS
    if isinstance(result, MeshError):
        return classify_errors(request, result)
    return in_mux(request, result) if isinstance(result, MuxReply) else _SUCCESS


def declared_exceptions(request: Request, result: Reply | MeshError) -> Outcome:
    """Call every exception a failure, and any other reply a success. 2 µs."""
    outcome = application_exceptions(request, result)
    if outcome is Outcome.SUCCESS and isinstance(result, ThriftReply | MuxReply) and _declares(result):
        return Outcome.FAILURE
    return outcome


def _declares(reply: ThriftReply | MuxReply) -> bool:
    try:
        return result_field(read_reply(reply.body.buffered or b"") if isinstance(reply, MuxReply) else reply) != 0
    except Exception:  # noqa: BLE001  a classifier never raises: what cannot be read is no exception that was declared
        return False


class Retrying:
    """A classifier that calls the failures of some methods retryable, and otherwise judges as `judge`."""

    __slots__ = ("_judge", "_matches")

    def __init__(self, judge: Classifier, methods: tuple[str, ...]) -> None:
        self._judge = judge
        self._matches: Callable[[bytes], bool] = lru_cache(maxsize=1024)(lambda name: _is_one_of(name, methods))

    def __call__(self, request: Request, result: Reply | MeshError, /) -> Outcome:
        outcome = self._judge(request, result)
        if outcome is not Outcome.FAILURE or (isinstance(result, MeshError) and not isinstance(result, PASSING)):
            return outcome
        return Outcome.RETRYABLE if self.repeats(request) else outcome

    def repeats(self, request: Request) -> bool:
        """Return whether a call is of a method that may be made twice."""
        name = _method(request)
        return name is not None and self._matches(name)


def is_repeatable(request: Request) -> bool:
    """Return whether the classifier of a call says that it may be made twice."""
    classifier = request.context.classifier
    return isinstance(classifier, Retrying) and classifier.repeats(request)


def _retrying(judge: Classifier, methods: tuple[str, ...]) -> Classifier:
    return Retrying(judge, methods) if methods else judge


def _method(request: Request) -> bytes | None:
    if isinstance(request, ThriftRequest):
        return request.head.name
    if not isinstance(request, MuxRequest):
        return None
    try:
        return head_of(request.body.buffered or b"").name
    except Malformed:
        return None


def _is_one_of(name: bytes, patterns: tuple[str, ...]) -> bool:
    text = name.decode("utf-8", "replace")
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def make_application_exceptions(config: Any) -> Classifier:
    """Return the classifier of `io.l5d.thrift.applicationExceptions`."""
    return _retrying(application_exceptions, config.retryable_methods)


def make_declared_exceptions(config: Any) -> Classifier:
    """Return the classifier of `io.l5d.thrift.declaredExceptions`."""
    return _retrying(declared_exceptions, config.retryable_methods)


def make_all_successful(_config: Any) -> Classifier:
    """Return the classifier of `io.l5d.thrift.allSuccessful`."""
    return by_status


NEVER_RETRYING = (application_exceptions, declared_exceptions, by_status)
"""Those that call nothing retryable but what was certainly not begun."""
