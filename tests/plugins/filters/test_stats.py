"""What is counted of requests, and where."""

import attrs
import pytest
import trio
import trio.testing

from mesh import (
    BOUND,
    CLASSIFIER,
    LIFE,
    METRICS,
    ONE_SHOT,
    PATH,
    SERVER_LABEL,
    Addr,
    AddrPending,
    AnyService,
    BoundName,
    ClientGone,
    ConnectFailed,
    Fixed,
    HttpRequest,
    Life,
    MeshError,
    Metrics,
    Outcome,
    Overloaded,
    Params,
    Path,
    Reply,
    Request,
)
from mesh.testing import Trickle, reply, request
from mesh_plugins.filters.matrix import MATRIX, Matrix
from mesh_plugins.filters.stats import client_scope_module, client_stats, server_stats, service_stats
from mesh_plugins.http.classifiers import non_retryable_5xx
from tests.plugins.rest import Answer, Rest, hanging, numbers, raising

WEB = Path.read("/svc/web")
SERVER, SERVICE, CLIENT = "server/127.0.0.1/4140", "service/svc/web", "client/#/fs/web"


@attrs.define(eq=False)
class Bench:
    """The modules of one server, one logical name and one bound name, each over a rest of the test's own."""

    life: Life
    rest: Rest = attrs.field(factory=Rest)
    metrics: Metrics = attrs.field(factory=Metrics)
    matrix: Matrix = attrs.field(factory=Matrix)

    @property
    def params(self) -> Params:
        bound = BoundName(Path.read("/#/fs/web"), Path(), Fixed[Addr](AddrPending()))
        params = Params().put(LIFE, self.life).put(METRICS, self.metrics).put(MATRIX, self.matrix).put(PATH, WEB)
        return params.put(SERVER_LABEL, "127.0.0.1/4140").put(BOUND, bound).put(CLASSIFIER, non_retryable_5xx)

    def server(self) -> AnyService:
        return server_stats(self.params, self.rest)

    def service(self, life: Life | None = None, *, one_shot: bool = False) -> AnyService:
        params = self.params.put(LIFE, life or self.life).put(ONE_SHOT, one_shot)
        return service_stats(params, self.rest)

    def client(self, life: Life | None = None, *, one_shot: bool = False) -> AnyService:
        """Return the stats of one endpoint, below those of its client."""
        params = self.params.put(LIFE, life or self.life).put(ONE_SHOT, one_shot)
        return client_scope_module(params, lambda below: client_stats(below, self.rest))

    def of(self, q: str) -> dict[str, float]:
        """Return the numbers below a name, but for those of histograms and of statuses."""
        shown = numbers(self.metrics, q)
        return {name: number for name, number in shown.items() if "." not in name and not name.startswith("status/")}

    def at(self, name: str) -> float:
        return numbers(self.metrics)[name]


def for_web() -> HttpRequest:
    return request(path=WEB)


def answering(status: int) -> Answer:
    return lambda _request: reply(status)


async def failed(service: AnyService, error: type[BaseException] = ConnectFailed) -> None:
    with pytest.raises(error):
        await service(for_web())


async def test_requests_successes_and_failures_of_a_server_are_counted(life: Life) -> None:
    bench = Bench(life)
    service = bench.server()
    for status in (200, 404, 500):
        bench.rest.answer = answering(status)
        await service(for_web())

    assert bench.of(SERVER) == {"requests": 3, "success": 2, "failures": 1, "pending": 0}
    assert bench.at(f"{SERVER}/request_latency_ms.count") == 3


async def test_replies_of_a_server_and_a_client_are_counted_by_status(life: Life) -> None:
    bench = Bench(life)
    for service in (bench.server(), bench.client()):
        for status in (200, 204, 503):
            bench.rest.answer = answering(status)
            await service(for_web())

    expected = {"200": 1, "204": 1, "2XX": 2, "503": 1, "5XX": 1, "error": 0}
    assert [numbers(bench.metrics, f"{scope}/status") for scope in (SERVER, CLIENT)] == [expected] * 2


async def test_an_error_is_counted_by_its_name_and_takes_time_too(life: Life) -> None:
    bench = Bench(life, Rest(raising(ConnectFailed("refused"))))

    await failed(bench.client())

    assert bench.at(f"{CLIENT}/failures/ConnectFailed") == 1
    assert bench.at(f"{CLIENT}/status/error") == 1
    assert bench.at(f"{CLIENT}/request_latency_ms.count") == 1
    assert bench.of(f"{CLIENT}/service/other") == {"requests": 1, "success": 0, "failures": 1}


async def test_what_the_classifier_ignores_is_neither_success_nor_failure(life: Life) -> None:
    bench = Bench(life, Rest(raising(Overloaded("too many wait"))))

    await failed(bench.service(), Overloaded)
    await failed(bench.client(), Overloaded)

    assert bench.of(SERVICE) == {"requests": 1, "success": 0, "failures": 0, "pending": 0}
    assert bench.of(f"{CLIENT}/service/svc/web") == {"requests": 1, "success": 0, "failures": 0}
    assert bench.at(f"{CLIENT}/failures") == 0


async def test_a_client_that_went_away_is_counted_by_itself(life: Life) -> None:
    bench = Bench(life, Rest(raising(ClientGone("left"))))

    await failed(bench.service(), ClientGone)
    await failed(bench.client(), ClientGone)

    assert bench.of(SERVICE) == {"requests": 1, "success": 0, "failures": 0, "client_gone": 1, "pending": 0}
    assert bench.of(f"{CLIENT}/service/svc/web") == {"requests": 1, "success": 0, "failures": 0}
    assert [bench.at(f"{CLIENT}/{name}") for name in ("client_gone", "failures")] == [1, 0]


async def test_a_request_that_is_cancelled_because_its_client_went_away_is_no_failure(life: Life) -> None:
    bench = Bench(life, Rest(hanging))
    request = for_web()
    with trio.move_on_after(0):
        request.context.flags = "DC client_gone"
        await bench.service()(request)

    assert bench.of(SERVICE) == {"requests": 1, "success": 0, "failures": 0, "client_gone": 1, "pending": 0}


async def test_a_request_is_pending_until_its_reply_or_its_end(life: Life) -> None:
    bench = Bench(life, Rest(hanging))
    service = bench.service()
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as asking:
            asking.start_soon(service, for_web())
            await trio.testing.wait_all_tasks_blocked()
            assert bench.at(f"{SERVICE}/pending") == 1
            scope.cancel()

    assert bench.at(f"{SERVICE}/pending") == 0
    assert bench.at(f"{SERVICE}/failures/Cancelled") == 1


async def test_a_reply_is_judged_once_by_the_innermost(life: Life) -> None:
    asked: list[object] = []

    def judge(_request: Request, _result: Reply | MeshError) -> Outcome:
        asked.append(_result)
        return Outcome.FAILURE

    bench = Bench(life)
    service = server_stats(
        bench.params.put(CLASSIFIER, judge), lambda params: client_stats(params.put(CLASSIFIER, judge), bench.rest)
    )

    await service(for_web())

    assert len(asked) == 1
    assert bench.at(f"{SERVER}/failures") == bench.at(f"{CLIENT}/failures") == 1


async def test_the_classifier_of_a_logical_name_judges_its_attempts_as_well(life: Life) -> None:
    def lenient(_request: Request, _result: Reply | MeshError) -> Outcome:
        return Outcome.SUCCESS

    bench = Bench(life, Rest(lambda _request: reply(500)))
    client = bench.client()
    service = service_stats(bench.params.put(CLASSIFIER, lenient), lambda _params: client)

    await service(for_web())

    assert (bench.at(f"{SERVICE}/success"), bench.at(f"{CLIENT}/success")) == (1, 1)


async def test_a_classifier_that_the_request_brought_stays(life: Life) -> None:
    def lenient(_request: Request, _result: Reply | MeshError) -> Outcome:
        return Outcome.SUCCESS

    bench = Bench(life, Rest(lambda _request: reply(500)))
    asked = for_web()
    asked.context.classifier = lenient

    await bench.service()(asked)

    assert bench.at(f"{SERVICE}/success") == 1


async def test_the_metrics_of_a_logical_name_vanish_with_its_stack(life: Life) -> None:
    bench = Bench(life)
    own = life.child("path")
    await bench.service(own)(for_web())

    own.close()

    assert bench.of("service") == {}


async def test_logical_names_without_a_stack_of_their_own_are_counted_together_and_stay(life: Life) -> None:
    bench = Bench(life)
    for _number in range(2):
        own = life.child("one shot")
        await bench.service(own, one_shot=True)(for_web())
        own.close()

    assert bench.of("service") == {"other/requests": 2, "other/success": 2, "other/failures": 0, "other/pending": 0}


async def test_the_traffic_from_a_logical_name_to_a_bound_name_is_counted(life: Life) -> None:
    bench = Bench(life)
    bench.service()
    client = bench.client()
    for status in (200, 500):
        bench.rest.answer = answering(status)
        await client(for_web())

    assert bench.of(f"{CLIENT}/service/svc/web") == {"requests": 2, "success": 1, "failures": 1}
    assert bench.at(f"{CLIENT}/service/svc/web/request_latency_ms.count") == 2


async def test_a_pair_vanishes_with_the_stack_of_its_logical_name(life: Life) -> None:
    bench = Bench(life)
    own = life.child("path")
    bench.service(own)
    await bench.client()(for_web())

    own.close()

    assert bench.of(f"{CLIENT}/service") == {}
    assert bench.at(f"{CLIENT}/requests") == 1


async def test_invented_names_make_no_pairs(life: Life) -> None:
    bench = Bench(life)
    client = bench.client()

    for number in range(5):
        await client(request(path=Path.utf8("svc", str(number))))

    assert bench.of(f"{CLIENT}/service") == {"other/requests": 5, "other/success": 5, "other/failures": 0}


async def test_endpoints_share_the_counters_of_their_client(life: Life) -> None:
    bench = Bench(life)
    endpoints: list[AnyService] = []

    def rest(params: Params) -> AnyService:
        endpoints.extend(client_stats(params, bench.rest) for _number in range(2))
        return endpoints[0]

    client_scope_module(bench.params, rest)
    for endpoint in endpoints:
        await endpoint(for_web())

    assert bench.at(f"{CLIENT}/requests") == 2


async def test_attempts_are_counted_even_if_the_module_above_was_taken_out(life: Life) -> None:
    bench = Bench(life)
    bench.service()

    await client_stats(bench.params, bench.rest)(for_web())

    assert bench.at(f"{CLIENT}/service/svc/web/requests") == 1


async def test_everything_of_a_bound_name_vanishes_with_its_stack(life: Life) -> None:
    bench = Bench(life)
    own = life.child("client")
    bench.service()
    await bench.client(own)(for_web())

    own.close()

    assert bench.of("client") == {}


async def test_bound_names_without_a_stack_of_their_own_are_counted_together_and_stay(life: Life) -> None:
    bench = Bench(life)
    bench.service()
    for _number in range(2):
        own = life.child("one shot")
        await bench.client(own, one_shot=True)(for_web())
        own.close()

    assert bench.at("client/other/requests") == 2
    assert bench.at("client/other/service/other/requests") == 2
    assert "client/other/pool_size" not in numbers(bench.metrics)


def _at_the_end(_request: Request, result: Reply | MeshError) -> Outcome:
    """Judge by the trailers, as gRPC does."""
    if not isinstance(result, Reply) or not result.body.trailers:
        return Outcome.UNDECIDED
    return Outcome.SUCCESS if (b"ok", b"yes") in result.body.trailers else Outcome.FAILURE


@pytest.mark.parametrize(("ok", "expected"), [("yes", (1, 0)), ("no", (0, 1))])
async def test_what_only_the_end_of_a_reply_tells_is_counted_there(
    life: Life, ok: str, expected: tuple[int, int]
) -> None:
    bench = Bench(life, Rest(lambda _request: reply(200, Trickle(b"a", trailers={"ok": ok}))))
    asked = for_web()
    asked.context.classifier = _at_the_end
    services = (bench.server(), bench.client())

    counted = []
    for service, scope in zip(services, (SERVER, CLIENT), strict=True):
        answered = await service(asked)
        before = (bench.at(f"{scope}/success"), bench.at(f"{scope}/failures"))
        while await answered.body.receive():
            pass
        await answered.aclose()
        counted += [before, (bench.at(f"{scope}/success"), bench.at(f"{scope}/failures"))]

    assert counted == [(0, 0), expected] * 2
    assert bench.at(f"{CLIENT}/service/other/success") == expected[0]


async def test_a_reply_whose_client_left_before_its_end_is_counted_as_that(life: Life) -> None:
    bench = Bench(life, Rest(lambda _request: reply(200, Trickle(b"a"))))
    asked = for_web()
    asked.context.classifier = _at_the_end
    for service in (bench.server(), bench.client()):
        answered = await service(asked)
        asked.context.flags = "DC client_gone"
        await answered.aclose()
        asked.context.flags = ""

    assert [bench.at(f"{scope}/client_gone") for scope in (SERVER, CLIENT)] == [1, 1]
    assert [bench.at(f"{scope}/failures") for scope in (SERVER, CLIENT)] == [0, 0]
