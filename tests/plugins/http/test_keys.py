"""The keys that HTTP adds."""

import pytest

from mesh_plugins.http.keys import HttpRouterKeys
from tests.stackfiles import loaded, problems

SERVERS = "  servers: [{timeoutMs: 1}]\n"


def refusal(text: str) -> list[str]:
    return problems("routers:\n- protocol: http\n" + text)


def keys(line: str) -> HttpRouterKeys:
    """Return the keys of a router with one line more than it needs."""
    found = loaded(f"routers:\n- protocol: http\n  {line}\n" + SERVERS, "f").stack.routers[0].protocol.config
    assert isinstance(found, HttpRouterKeys)
    return found


def test_a_router_has_linkerds_defaults() -> None:
    router = loaded("routers:\n- protocol: http\n  servers: [{}]\n", "f").stack.routers[0]

    own = router.protocol.config
    assert [(chosen.kind.name, chosen.config.header) for chosen in own.identifier] == [("io.l5d.header.token", "Host")]
    assert (own.engine, own.streaming_enabled) == ("fast", True)
    assert own.trace_propagator.kind.name == "io.l5d.default"
    assert (router.servers[0].port, router.servers[0].extra.max_call_depth) == (4140, 1000)
    assert router.service.default.response_classifier is not None
    assert router.service.default.response_classifier.kind.name == "io.l5d.http.nonRetryable5XX"


def test_sizes_in_kilobytes_are_limits() -> None:
    assert keys("maxHeadersKB: 8").limits == {"max_header_section_bytes": 8192}
    assert keys("maxInitialLineKB: 4").limits == {"max_request_line_bytes": 4096}
    assert keys("label: http").limits == {}


def test_streaming_cannot_be_disabled_and_have_a_threshold() -> None:
    found = refusal("  label: x\n  streamingEnabled: false\n  streamAfterContentLengthKB: 5\n" + SERVERS)

    assert found == [
        "routers[0]: Conflicting streaming options set. Can't disable streaming and set streamAfterContentLengthKB in x"
    ]


def test_disabled_streaming_is_warned_of() -> None:
    text = "routers:\n- protocol: http\n  streamingEnabled: false\n" + SERVERS

    (warning,) = loaded(text, "").warnings

    assert (warning.key, warning.line) == ("routers[0].streamingEnabled", 3)


@pytest.mark.parametrize(
    "key",
    [
        "client: {requestAuthorizers: [{kind: io.l5d.k8s.istio}]}",
    ],
)
def test_a_key_that_is_not_built_is_refused(key: str) -> None:
    (problem,) = refusal(f"  {key}\n" + ("" if "servers" in key else SERVERS))

    assert "is known but not built yet" in problem


@pytest.mark.parametrize(
    "key", ["compressionLevel: 0", "httpAccessLogAppend: true", "client: {forwardClientCert: false}"]
)
def test_a_key_that_asks_for_nothing_is_accepted(key: str) -> None:
    text = f"routers:\n- protocol: http\n  {key}\n" + SERVERS

    assert loaded(text, "").warnings == ()


@pytest.mark.parametrize("gone", ["maxChunkKB: 8", "maxRequestKB: 5", "maxResponseKB: 5"])
def test_keys_that_linkerd_dropped_are_unknown(gone: str) -> None:
    (problem,) = refusal(f"  {gone}\n" + SERVERS)

    assert "unknown key" in problem


@pytest.mark.parametrize("name", ["x time", "x:time", ""])
def test_a_timestamp_needs_a_field_that_can_be_written(name: str) -> None:
    (problem,) = refusal(f"  servers: [{{timestampHeader: '{name}'}}]\n")

    assert "is no name of a field" in problem


def test_the_ends_of_a_connection_are_named_at_random_unless_the_file_says_otherwise() -> None:
    text = "  servers: [{addForwardedHeader: {by: {kind: 'ip:port'}}}, {addForwardedHeader: {}, port: 1}, {port: 2}]\n"
    router = loaded("routers:\n- protocol: http\n" + text, "f").stack.routers[0]

    ends = [server.extra.add_forwarded_header for server in router.servers]

    assert [(end.by.kind.name, end.for_.kind.name) for end in ends if end is not None] == [
        ("ip:port", "requestRandom"),
        ("requestRandom", "requestRandom"),
    ]
    assert ends[2] is None


def test_what_linkerd_kept_of_replies_is_taken_with_a_warning() -> None:
    text = "  service: {retryBufferSize: {requestBytes: 5, responseBytes: 5}}\n" + SERVERS

    (warning,) = loaded("routers:\n- protocol: h2\n" + text, "f").warnings

    assert "responseBytes" in str(warning)
