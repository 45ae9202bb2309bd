import pytest
import trio

from mesh.endpoint import AddrNeg
from mesh.errors import ConnectFailed
from mesh.http import HttpReply, HttpRequest
from mesh.message import EMPTY, Buffered, Reply, Request
from mesh.naming.delegation import DelegateLeaf, DelegatePending
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.interpreter import Interpreter
from mesh.naming.namer import PENDING, BoundName, Namer
from mesh.naming.path import EMPTY_PATH, Path
from mesh.naming.tree import NEG, Leaf
from mesh.service import Rep, Req, Service
from mesh.testing import (
    FakeInterpreter,
    FakeNamer,
    ManualClock,
    Scripted,
    Trickle,
    memory_connections,
    reply,
    request,
    run_filter,
)
from mesh.var import Fixed


class Untouched:
    """A filter of any protocol."""

    async def __call__(self, request: Req, service: Service[Req, Rep], /) -> Rep:
        return await service(request)


async def repeating(request: HttpRequest, service: Service[HttpRequest, HttpReply], /) -> HttpReply:
    """A filter that repeats a request once, and forgets the first reply."""
    await service(request)
    return await service(request)


async def test_a_scripted_service_gives_its_answers_in_order_and_remembers_the_requests() -> None:
    first, second = reply(200), reply(404)
    scripted = Scripted(first, second)
    asked = [request(), request()]

    answered = [await scripted(each) for each in asked]

    assert (answered, scripted.requests, scripted.replies) == ([first, second], asked, [first, second])


async def test_a_scripted_service_raises_the_errors_among_its_answers() -> None:
    scripted = Scripted(ConnectFailed("refused"), reply(200))

    with pytest.raises(ConnectFailed, match="refused"):
        await scripted(request())

    assert len(scripted.left) == 1


async def test_a_scripted_service_asks_functions_of_the_request_which_may_wait_and_raise() -> None:
    def by_method(request: HttpRequest) -> HttpReply:
        return reply(405 if request.method == b"POST" else 200)

    async def slowly(_request: HttpRequest) -> HttpReply:
        await trio.lowlevel.checkpoint()
        return reply(204)

    def refuse(_request: HttpRequest) -> HttpReply:
        raise ConnectFailed("refused")

    scripted = Scripted(by_method, slowly, refuse)

    assert [(await scripted(request("POST"))).status, (await scripted(request())).status] == [405, 204]
    with pytest.raises(ConnectFailed):
        await scripted(request())


async def test_a_call_for_which_no_answer_is_left_fails_the_test() -> None:
    scripted = Scripted(reply(200))
    await scripted(request())

    with pytest.raises(AssertionError, match="call 2, but there were only 1 answers"):
        await scripted(request())


async def test_what_was_not_asked_for_is_left_over() -> None:
    first, second = reply(200), reply(404)
    scripted = Scripted(first, second)

    before = scripted.left
    await scripted(request())

    assert (before, scripted.left) == ((first, second), (second,))


async def test_a_scripted_reply_is_noted_in_the_context_as_one_from_a_codec() -> None:
    asked, answer = Request(), Reply()

    await Scripted(answer)(asked)

    assert asked.context.replies is answer


async def test_a_filter_is_run_in_front_of_scripted_answers() -> None:
    answered = await run_filter(Untouched(), request(), reply(201))

    assert answered.status == 201


async def test_running_a_filter_raises_what_the_filter_raises() -> None:
    with pytest.raises(ConnectFailed):
        await run_filter(Untouched(), request(), ConnectFailed("refused"))


async def test_running_a_filter_notices_a_reply_it_forgot() -> None:
    with pytest.raises(AssertionError, match="1 of 2 replies were neither returned nor closed"):
        await run_filter(repeating, request(), reply(503), reply(200))


async def test_running_a_filter_notices_a_reply_it_forgot_when_it_raised() -> None:
    with pytest.raises(AssertionError, match="1 of 1 replies"):
        await run_filter(repeating, request(), reply(503), ConnectFailed("refused"))


async def test_running_a_filter_notices_a_reply_it_replaced_without_closing() -> None:
    async def replacing(request: HttpRequest, service: Service[HttpRequest, HttpReply], /) -> HttpReply:
        await service(request)
        return HttpReply(200)

    with pytest.raises(AssertionError, match="1 of 1 replies"):
        await run_filter(replacing, request(), reply(500))


async def test_a_filter_may_close_a_reply_or_pass_its_body_on_in_another() -> None:
    async def closing(request: HttpRequest, service: Service[HttpRequest, HttpReply], /) -> HttpReply:
        await (await service(request)).aclose()
        received = await service(request)
        return HttpReply(200, body=received.body)

    answered = await run_filter(closing, request(), reply(503), reply(500, "sorry"))

    assert (answered.status, answered.body.buffered) == (200, b"sorry")


async def test_running_a_filter_notices_a_group_of_errors() -> None:
    async def grouping(request: HttpRequest, service: Service[HttpRequest, HttpReply], /) -> HttpReply:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service, request)
        return HttpReply(200)

    with pytest.raises(AssertionError, match="never a group"):
        await run_filter(grouping, request(), ConnectFailed("refused"))


async def test_a_filter_that_is_cancelled_need_not_close_anything() -> None:
    async def waiting(request: HttpRequest, service: Service[HttpRequest, HttpReply], /) -> HttpReply:
        await service(request)
        await trio.sleep_forever()
        raise AssertionError

    with trio.move_on_after(0) as scope:
        await run_filter(waiting, request(), reply(200))

    assert scope.cancelled_caught


def test_a_request_is_built_from_texts_and_bytes() -> None:
    made = request("POST", "/a?b", headers={"Content-Type": "text/plain"}, body="hällo", path="/svc/users")

    assert (made.method, made.target, made.headers) == (b"POST", b"/a?b", [(b"content-type", b"text/plain")])
    assert (made.body.buffered, made.context.path) == ("hällo".encode(), Path.read("/svc/users"))


def test_a_plain_request_is_a_get_of_everything_without_a_body() -> None:
    made = request()

    assert (made.method, made.target, made.headers, made.body.size) == (b"GET", b"/", [], 0)
    assert made.context.path == Path.read("/svc/web")


def test_a_reply_is_built_from_pairs_where_a_field_occurs_twice() -> None:
    made = reply(302, b"there", headers=[("Set-Cookie", "a=1"), (b"Set-Cookie", b"b=2")])

    assert (made.status, made.body.buffered) == (302, b"there")
    assert made.headers == [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]


def test_a_body_stays_what_it_is() -> None:
    body = Trickle(b"a")

    assert (request(body=body).body, reply(body=body).body) == (body, body)


async def test_a_trickle_comes_piece_by_piece_and_counts_what_was_pulled() -> None:
    body = Trickle(b"one", b"three", trailers={"Grpc-Status": "0"})

    first, pulled = await body.receive(), body.pulled
    rest = [await body.receive() for _ in range(3)]

    assert ([first, *rest], pulled, body.pulled, body.ended) == ([b"one", b"three", b"", b""], 3, 8, True)
    assert (body.size, body.buffered, body.trailers) == (None, None, [(b"grpc-status", b"0")])


async def test_a_trickle_may_break_off() -> None:
    body = Trickle(b"one", error=ConnectFailed("reset"), size=100)
    await body.receive()
    before = body.ended

    with pytest.raises(ConnectFailed):
        await body.receive()

    assert (before, body.ended, body.size) == (False, True, 100)


async def test_cancelling_a_trickle_loses_nothing() -> None:
    body = Trickle(b"one")
    with trio.CancelScope() as scope:
        scope.cancel()
        await body.receive()

    assert (body.pulled, await body.receive()) == (0, b"one")


def test_a_trickle_has_no_empty_pieces() -> None:
    with pytest.raises(ValueError, match="never empty"):
        Trickle(b"one", b"")


async def test_connections_in_memory_are_joined() -> None:
    client, server = memory_connections()

    await client.send_all(b"hello")
    received = await server.receive_some()
    server.close()

    assert (received, await client.receive_some(), client.peer, server.peer) == (
        b"hello",
        b"",
        "the server",
        "the client",
    )


def test_a_manual_clock_goes_as_the_test_says_and_never_back() -> None:
    clock = ManualClock(100.0)

    clock.advance(2.5)

    assert clock() == 102.5
    with pytest.raises(ValueError, match="-1 s"):
        clock.advance(-1)


def test_a_fake_namer_says_of_each_path_what_the_test_set() -> None:
    fake = FakeNamer()
    namer: Namer = fake
    told: list[str] = []
    unwatch = namer.lookup(Path.read("/web")).watch(lambda: told.append("web"))

    fake.answer("/web").set(Leaf(Path.read("/else/where")))
    fake.answer(Path.read("/users")).set(NEG)

    assert namer.lookup(Path.read("/web")).value == Leaf(Path.read("/else/where"))
    assert (namer.lookup(Path.read("/other")).value, told, fake.answer("/web").is_watched) == (PENDING, ["web"], True)
    unwatch()


def test_a_fake_interpreter_binds_each_name_and_override_as_the_test_set() -> None:
    fake = FakeInterpreter()
    interpreter: Interpreter = fake
    override, web = Dtab.read("/svc => /host"), Path.read("/svc/web")
    bound = Leaf(BoundName(Path.read("/#/fake/web"), EMPTY_PATH, Fixed(AddrNeg())))

    fake.binding("/svc/web").set(bound)

    assert interpreter.bind(EMPTY_DTAB, web).value == bound
    assert (interpreter.bind(override, web).value, interpreter.dtab.value) == (PENDING, EMPTY_DTAB)


def test_a_fake_interpreter_delegates_to_what_it_binds() -> None:
    fake, web = FakeInterpreter(), Path.read("/svc/web")
    delegation = fake.delegate(EMPTY_DTAB, web)
    bound = BoundName(Path.read("/#/fake/web"), EMPTY_PATH, Fixed(AddrNeg()))

    before = delegation.value
    fake.binding(web).set(Leaf(bound))

    assert isinstance(before, DelegatePending)
    assert delegation.value == DelegateLeaf(web, None, bound, AddrNeg())


def test_the_empty_body_is_the_one_of_messages_without_any() -> None:
    assert (request().body is EMPTY, reply().body is EMPTY, isinstance(reply(body="").body, Buffered)) == (
        True,
        True,
        True,
    )
