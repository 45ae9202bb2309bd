"""Which fields stay behind."""

import pytest

from mesh_plugins.http1.hop import CONNECTION_FIELDS, looks_like_framing, nominated, passable_trailers


def test_nominated_fields_stay_behind_and_connection_options_are_none() -> None:
    assert nominated(frozenset({b"close", b"keep-alive", b"upgrade", b"te", b"x-a", b"x-b"})) == {b"x-a", b"x-b"}


@pytest.mark.parametrize(
    "name",
    [
        *(b"host", b"authorization", b"cookie", b"set-cookie", b"forwarded", b"via", b"expect", b"cache-control"),
        *(
            b"x-forwarded-for",
            b"x-forwarded-client-cert",
            b"l5d-dtab",
            b"l5d-ctx-trace",
            b"content-type",
            b"finagle-http-nack",
        ),
        *CONNECTION_FIELDS,
    ],
)
def test_some_fields_cannot_be_nominated_away(name: bytes) -> None:
    assert nominated(frozenset({name})) == frozenset()


@pytest.mark.parametrize(
    "name",
    [
        *(
            b"host",
            b"authorization",
            b"cookie",
            b"set-cookie",
            b"www-authenticate",
            b"l5d-dtab",
            b"x-forwarded-for",
            b"via",
        ),
        *(b"content-type", b"content-encoding", b"content-range", b"cache-control", b"location", b"range", b"expect"),
        *CONNECTION_FIELDS,
    ],
)
def test_trailers_that_decide_something_stay_behind(name: bytes) -> None:
    assert passable_trailers([(name, b"x"), (b"grpc-status", b"0"), (b"digest", b"x")]) == [
        (b"grpc-status", b"0"),
        (b"digest", b"x"),
    ]


@pytest.mark.parametrize(
    ("name", "looks"),
    [
        (b"content_length", True),
        (b"transfer_encoding", True),
        (b"content-length", False),
        (b"x_content_length", False),
        (b"content_type", False),
    ],
)
def test_names_that_servers_take_for_framing_are_known(name: bytes, looks: bool) -> None:
    assert looks_like_framing(name) == looks
