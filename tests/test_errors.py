import inspect

import pytest

from mesh import errors
from mesh.errors import (
    ConfigError,
    MeshError,
    NameSyntaxError,
    Problem,
    RemoteProtocolError,
    StreamReset,
    UpstreamBroken,
    UpstreamProtocolError,
)

ALL = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, MeshError)]
FLAGS = {
    "-",
    "DC",
    "DPE",
    "NR",
    "UC",
    "UF",
    "UH",
    "UO",
    "RL",
    "UPE",
    "UR",
    "UT",
}  # of Envoy's response flags, those used here


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_an_error_says_why_in_one_word_and_one_flag(cls: type[MeshError]) -> None:
    assert (cls.detail.replace("_", "").isalpha(), cls.flag in FLAGS) == (True, True)


def test_no_two_errors_share_their_word() -> None:
    words = [cls.detail for cls in ALL]

    assert len(set(words)) == len(words)


def test_what_sent_nothing_may_be_sent_again() -> None:
    retryable = {cls.__name__ for cls in ALL if cls.retryable}

    assert retryable == {"Unavailable", "Overloaded", "Nacked", "ConnectFailed", "FailedFast"}


def test_a_broken_exchange_says_whether_work_and_reply_had_begun() -> None:
    error = UpstreamProtocolError("no status line", reply_begun=True)
    early = UpstreamBroken("reset", retryable=True)

    assert (error.retryable, error.reply_begun) == (False, True)
    assert (early.retryable, early.reply_begun) == (True, False)


def test_a_broken_protocol_has_the_status_that_says_so_best() -> None:
    assert [RemoteProtocolError("no").status, RemoteProtocolError("too long", status=431).status] == [400, 431]


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        (Problem("no routers"), "no routers"),
        (Problem("no routers", file="a.yaml"), "a.yaml: no routers"),
        (Problem("not a port", file="a.yaml", line=3, column=7), "a.yaml, line 3, column 7: not a port"),
        (Problem("unknown", key="routers[0].kidn"), "routers[0].kidn: unknown"),
        (
            Problem("unknown kind p3c", expected="a balancer", nearest="p2c"),
            "unknown kind p3c; expected a balancer; did you mean p2c?",
        ),
    ],
)
def test_a_problem_is_one_line_with_whatever_is_known_of_it(problem: Problem, shown: str) -> None:
    assert problem.show() == shown


def test_a_configuration_error_tells_every_problem() -> None:
    problems = (Problem("first"), Problem("second"))

    error = ConfigError(*problems)

    assert (error.problems, str(error)) == (problems, "first\nsecond")


@pytest.mark.parametrize(
    ("text", "position", "place"),
    [("", 0, (1, 1)), ("/a=>x", 4, (1, 5)), ("/a => /b;\n/c x", 13, (2, 4)), ("\n\n", 2, (3, 1))],
)
def test_a_syntax_error_counts_lines_and_columns_from_one(text: str, position: int, place: tuple[int, int]) -> None:
    error = NameSyntaxError("'/' expected", text=text, position=position)

    assert (error.line, error.column) == place


def test_a_stream_that_was_reset_says_by_which_code() -> None:
    error = StreamReset("refused", code=7, retryable=True)

    assert (error.code, error.retryable, error.reply_begun) == (7, True, False)
