"""The filter, and what a stack file says of it."""

from pathlib import Path

import attrs
import pytest
import trio

from mesh import LIFE, METRICS, REOPENING, ConfigError, HttpReply, HttpRequest, Life, Metrics, Params, Reopening
from mesh_plugins.access_log.access_log import WRITER, AccessLog, LogOptions, access_log, open_log
from mesh_plugins.access_log.rolling import NEVER
from mesh_plugins.access_log.writer import Writer
from tests.plugins.access_log.exchanges import a_request

OPTIONS = LogOptions("%REQ(:PATH)% %RESPONSE_CODE%", NEVER, append=True, keep=-1, max_queued=100, key="httpAccessLog")


async def answer(request: HttpRequest, /) -> HttpReply:
    return HttpReply(204)


def opened(path: Path, life: Life, metrics: Metrics, reopening: Reopening) -> Writer:
    params = Params().put(LIFE, life).put(METRICS, metrics).put(REOPENING, reopening)
    return open_log(params, str(path), OPTIONS)


async def test_a_line_is_written_once_the_reply_has_ended(tmp_path: Path) -> None:
    metrics, life = Metrics(), Life(None)
    writer = opened(tmp_path / "log", life, metrics, Reopening())
    filter_ = AccessLog(writer)

    reply = await filter_(a_request(b"/a"), answer)
    await reply.aclose()
    life.close()

    assert writer.join(10)
    assert (tmp_path / "log").read_text() == "/a 204\n"
    numbers = metrics.scope("access_log").metrics
    assert {name: number.read() for name, number in numbers.items() if hasattr(number, "read")} == {
        "lines": 1,
        "dropped": 0,
    }


async def test_a_request_that_was_cancelled_is_written_too(tmp_path: Path) -> None:
    life = Life(None)
    writer = opened(tmp_path / "log", life, Metrics(), Reopening())

    async def hang(request: HttpRequest, /) -> HttpReply:
        request.context.flags = "DC client_gone"
        await trio.sleep_forever()
        raise AssertionError

    with trio.move_on_after(0):
        await AccessLog(writer)(a_request(b"/a"), hang)
    life.close()

    assert writer.join(10)
    assert (tmp_path / "log").read_text() == "/a 499\n"


def test_the_file_is_opened_again_on_demand_while_the_router_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reopening, life, told = Reopening(), Life(None), list[str]()
    monkeypatch.setattr(Writer, "reopen", lambda _writer: told.append("reopened"))
    opened(tmp_path / "log", life, Metrics(), reopening)

    reopening.now()
    life.close()
    reopening.now()

    assert told == ["reopened"]


def test_without_a_log_nothing_is_added() -> None:
    assert access_log(Params(), lambda _params: answer) is answer


async def test_with_a_log_every_server_shares_it(tmp_path: Path) -> None:
    writer = opened(tmp_path / "log", Life(None), Metrics(), Reopening())

    service = access_log(Params().put(WRITER, writer), lambda _params: answer)

    assert service is not answer


@pytest.mark.parametrize(
    ("path", "message"),
    [("none/log", "none does not exist"), (".", "is a directory")],
)
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        opened(tmp_path / path, Life(None), Metrics(), Reopening())

    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.key == "httpAccessLog"
    assert attrs.asdict(problem)["line"] == 0
