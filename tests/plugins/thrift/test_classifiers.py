"""What a reply means."""

import pytest

from mesh import AttemptTimeout, Buffered, ConnectFailed, Outcome, Overloaded, Path, Reply, UpstreamBroken
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.wire import NACK, OK
from mesh_plugins.thrift.classifiers import (
    NEVER_RETRYING,
    AllSuccessfulConfig,
    ApplicationExceptionsConfig,
    DeclaredExceptionsConfig,
    is_repeatable,
    make_all_successful,
    make_application_exceptions,
    make_declared_exceptions,
)
from mesh_plugins.thrift.message import BINARY, ThriftReply, ThriftRequest, nothing, read_reply, read_request
from mesh_plugins.thrift.wire import CALL, EXCEPTION, ONEWAY, REPLY

RESULT = read_reply(BINARY.message(REPLY, b"get", 1, b"\x02\0\0\1\0"))
DECLARED = read_reply(BINARY.message(REPLY, b"get", 1, b"\x0c\0\1\0\0"))
BROKEN = read_reply(BINARY.message(REPLY, b"get", 1, b"\x63"))
FAILED = read_reply(BINARY.message(EXCEPTION, b"get", 1, b"\0"))


def asked(name: bytes = b"getUser", kind: int = CALL) -> ThriftRequest:
    return read_request(BINARY.message(kind, name, 1, b"\0"))


@pytest.mark.parametrize(
    ("reply", "application", "declared", "linkerds"),
    [
        (RESULT, Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SUCCESS),
        (DECLARED, Outcome.SUCCESS, Outcome.FAILURE, Outcome.SUCCESS),
        (BROKEN, Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SUCCESS),
        (FAILED, Outcome.FAILURE, Outcome.FAILURE, Outcome.SUCCESS),
        (nothing(asked(kind=ONEWAY)), Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SUCCESS),
        (UpstreamBroken("x"), Outcome.FAILURE, Outcome.FAILURE, Outcome.FAILURE),
        (Overloaded("x"), Outcome.IGNORED, Outcome.IGNORED, Outcome.IGNORED),
        (ConnectFailed("x"), Outcome.RETRYABLE, Outcome.RETRYABLE, Outcome.RETRYABLE),
    ],
)
def test_each_classifier_judges(reply: ThriftReply, application: Outcome, declared: Outcome, linkerds: Outcome) -> None:
    judges = (
        make_application_exceptions(ApplicationExceptionsConfig()),
        make_declared_exceptions(DeclaredExceptionsConfig()),
        make_all_successful(AllSuccessfulConfig()),
    )

    assert [judge(asked(), reply) for judge in judges] == [application, declared, linkerds]
    assert all(judge in NEVER_RETRYING for judge in judges)


@pytest.mark.parametrize(
    ("method", "result", "outcome"),
    [
        (b"getUser", FAILED, Outcome.RETRYABLE),
        (b"users:list", FAILED, Outcome.RETRYABLE),
        (b"list", FAILED, Outcome.FAILURE),
        (b"setUser", FAILED, Outcome.FAILURE),
        (b"getUser", DECLARED, Outcome.RETRYABLE),
        (b"getUser", RESULT, Outcome.SUCCESS),
        (b"getUser", UpstreamBroken("x"), Outcome.RETRYABLE),
        (b"getUser", AttemptTimeout("x"), Outcome.RETRYABLE),
        (b"setUser", AttemptTimeout("x"), Outcome.FAILURE),
        (b"getUser", Overloaded("x"), Outcome.IGNORED),
    ],
)
def test_failures_of_some_methods_may_be_retried(
    method: bytes, result: ThriftReply | UpstreamBroken, outcome: Outcome
) -> None:
    judge = make_declared_exceptions(DeclaredExceptionsConfig(("get*", "users:*")))

    assert judge(asked(method), result) is outcome
    assert judge not in NEVER_RETRYING


@pytest.mark.parametrize(("method", "expected"), [(b"getUser", True), (b"setUser", False)])
def test_a_call_may_be_made_twice_if_its_failures_may_be_retried(method: bytes, expected: bool) -> None:
    judges = (
        make_declared_exceptions(DeclaredExceptionsConfig(("get*",))),
        make_all_successful(AllSuccessfulConfig()),
        None,
    )
    found = []

    for judge in judges:
        request = asked(method)
        request.context.classifier = judge
        found.append(is_repeatable(request))

    assert found == [expected, False, False]


def test_a_reply_of_another_protocol_is_a_success() -> None:
    assert make_application_exceptions(ApplicationExceptionsConfig())(asked(), Reply()) is Outcome.SUCCESS


def in_mux(reply: ThriftReply) -> MuxReply:
    return MuxReply(OK, reply.body.buffered or b"")


@pytest.mark.parametrize(
    ("reply", "application", "declared", "linkerds"),
    [
        (in_mux(RESULT), Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SUCCESS),
        (in_mux(DECLARED), Outcome.SUCCESS, Outcome.FAILURE, Outcome.SUCCESS),
        (in_mux(FAILED), Outcome.FAILURE, Outcome.FAILURE, Outcome.SUCCESS),
        (MuxReply(OK), Outcome.SUCCESS, Outcome.SUCCESS, Outcome.SUCCESS),
        (failed("no"), Outcome.FAILURE, Outcome.FAILURE, Outcome.FAILURE),
        (MuxReply(NACK), Outcome.RETRYABLE, Outcome.RETRYABLE, Outcome.RETRYABLE),
    ],
)
def test_each_classifier_judges_answers_of_thriftmux(
    reply: MuxReply, application: Outcome, declared: Outcome, linkerds: Outcome
) -> None:
    judges = (
        make_application_exceptions(ApplicationExceptionsConfig()),
        make_declared_exceptions(DeclaredExceptionsConfig()),
        make_all_successful(AllSuccessfulConfig()),
    )

    assert [judge(MuxRequest(Path()), reply) for judge in judges] == [application, declared, linkerds]


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [(b"getUser", Outcome.RETRYABLE), (b"list", Outcome.FAILURE), (None, Outcome.FAILURE)],
)
def test_failures_of_some_methods_may_be_retried_in_thriftmux(payload: bytes | None, outcome: Outcome) -> None:
    judge = make_declared_exceptions(DeclaredExceptionsConfig(retryable_methods=("get*",)))
    content = b"" if payload is None else BINARY.message(CALL, payload, 1, b"\0")

    assert judge(MuxRequest(Path(), Buffered(content)), in_mux(DECLARED)) is outcome
