"""The protocol for calls alone."""

import pytest

from tests.e2e.h2_peers import Message, Pairs, Said, ask, endpoint
from tests.proxies import one, proxy, settings_of, stacks


def test_its_defaults_are_those_of_calls() -> None:
    settings = settings_of(stacks(one(50051, protocol="grpc"))).routers[0]

    (identifier,) = settings.protocol.config.identifier
    classifier = settings.service.default.response_classifier
    assert (settings.label, identifier.kind.name) == ("grpc", "io.l5d.header.path")
    assert classifier is not None
    assert (classifier.kind.name, settings.client.default.extra.protocol) == ("io.l5d.h2.grpc.default", "h2")


CALL: Pairs = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"a.test"),
    (b":path", b"/shop.Cart/Add"),
    (b"content-type", b"application/grpc"),
]
OK = Said([(b":status", b"200"), (b"content-type", b"application/grpc")], b"", [(b"grpc-status", b"0")])


@pytest.mark.slow
async def test_a_call_is_named_by_its_method_and_counted_by_it() -> None:
    async with endpoint(lambda _request: OK) as server:
        dtab = f"/svc/shop.Cart => /$/inet/127.0.0.1/{server.port}"
        async with proxy(stacks(one(dtab, protocol="grpc"))) as running:
            answers: list[Message] = [await ask(running.ports[0], CALL), await ask(running.ports[0], CALL[:4])]
            found = running.linker.metrics.scope("rt", "grpc")

            requests = found.scope("grpc", "shop.Cart/Add").counter("requests").value
            routed = found.scope("service", "svc/shop.Cart/Add").counter("success").value

    assert [answer.field(b":status") for answer in answers] == [b"200", b"415"]
    assert (requests, routed) == (1, 1)
