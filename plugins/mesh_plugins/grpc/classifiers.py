"""What a call of gRPC came to, by the status in its trailers, or in the headers of a reply without a body.

The outcome is known at the head of a reply if the reply came as a whole, and else at its end. One that is no reply of gRPC
is a failure at once. Source: linkerd protocol/h2, `GrpcClassifiers` and `H2StreamClassifiers`.
"""

from collections.abc import Callable

import attrs

from mesh import Classifier, HttpReply, MeshError, Outcome, Reply, Request, StreamReset, classify_errors, key
from mesh_plugins.grpc.mapping import of_http, of_reset
from mesh_plugins.grpc.status import Code, parse_code, read_status
from mesh_plugins.http.classifiers import PASSING

OK = frozenset({Code.OK})
UNAVAILABLE = frozenset({Code.UNAVAILABLE})
ALL = frozenset(Code)
NONE: frozenset[Code] = frozenset()


def _codes(texts: tuple[int | str, ...]) -> frozenset[Code]:
    return frozenset(map(parse_code, texts))


@attrs.frozen(kw_only=True)
class _Config:
    """What every classifier of gRPC can be told. Raises `ValueError` for what is no status."""

    success_status_codes: tuple[int | str, ...] = key("The statuses that are successes, as numbers or as names.", (0,))

    def __attrs_post_init__(self) -> None:
        _codes(self.success_status_codes)

    @property
    def successes(self) -> frozenset[Code]:
        return _codes(self.success_status_codes)


@attrs.frozen(kw_only=True)
class DefaultConfig(_Config):
    """`UNAVAILABLE` may be retried; no other failure."""


@attrs.frozen(kw_only=True)
class CompliantConfig(_Config):
    """What gRPC calls unavailable may be retried: the status, a refused stream, and the HTTP statuses that mean it."""


@attrs.frozen(kw_only=True)
class AlwaysRetryableConfig(_Config):
    """Every failure may be retried."""


@attrs.frozen(kw_only=True)
class NeverRetryableConfig(_Config):
    """No failure may be retried."""


@attrs.frozen(kw_only=True)
class RetryableStatusCodesConfig(_Config):
    """The statuses that are listed may be retried. Raises `ValueError` for what is no status."""

    retryable_status_codes: tuple[int | str, ...] = key("The statuses that may be retried, as numbers or as names.")

    def __attrs_post_init__(self) -> None:
        _codes(self.success_status_codes)
        _codes(self.retryable_status_codes)


def by_status(
    successes: frozenset[Code] = OK, retried: frozenset[Code] = NONE, *, maps: bool = False, always: bool = False
) -> Classifier:
    """Return a classifier that goes by the status.

    `maps`: a failure without a status counts as the one that its HTTP status, or the code of its reset, stands for.
    `always`: a failure without a status may be retried, too.
    """
    statusless = Outcome.RETRYABLE if always else Outcome.FAILURE

    def judge(code: Code) -> Outcome:
        if code in successes:
            return Outcome.SUCCESS
        return Outcome.RETRYABLE if code in retried else Outcome.FAILURE

    def classify(request: Request, result: Reply | MeshError) -> Outcome:
        if isinstance(result, MeshError):
            outcome = classify_errors(request, result)
            if outcome is not Outcome.FAILURE or not isinstance(result, PASSING):
                return outcome
            if maps and isinstance(result, StreamReset) and of_reset(result.code) in retried:
                return Outcome.RETRYABLE
            return statusless
        if not isinstance(result, HttpReply):
            return Outcome.FAILURE
        body = result.body
        code = read_status(body.trailers)
        if code is None:
            code = read_status(result.headers)
        if code is not None:
            return judge(code)
        if result.status != 200:
            return Outcome.RETRYABLE if maps and of_http(result.status) in retried else statusless
        return statusless if result.whole else Outcome.UNDECIDED

    return classify


RETRIES_UNAVAILABLE = by_status(retried=UNAVAILABLE)
NEVER = by_status()


def make_default(config: DefaultConfig) -> Classifier:
    """Return the classifier of `io.l5d.h2.grpc.default`."""
    return _shared(config, RETRIES_UNAVAILABLE, lambda successes: by_status(successes, UNAVAILABLE))


def make_compliant(config: CompliantConfig) -> Classifier:
    """Return the classifier of `io.l5d.h2.grpc.compliant`."""
    return by_status(config.successes, UNAVAILABLE, maps=True)


def make_always_retryable(config: AlwaysRetryableConfig) -> Classifier:
    """Return the classifier of `io.l5d.h2.grpc.alwaysRetryable`."""
    return by_status(config.successes, ALL, always=True)


def make_never_retryable(config: NeverRetryableConfig) -> Classifier:
    """Return the classifier of `io.l5d.h2.grpc.neverRetryable`: one and the same where only `OK` is a success."""
    return _shared(config, NEVER, by_status)


def make_retryable_status_codes(config: RetryableStatusCodesConfig) -> Classifier:
    """Return the classifier of `io.l5d.h2.grpc.retryableStatusCodes`."""
    return by_status(config.successes, _codes(config.retryable_status_codes))


def _shared(config: _Config, usual: Classifier, make: Callable[[frozenset[Code]], Classifier]) -> Classifier:
    return usual if config.successes == OK else make(config.successes)
