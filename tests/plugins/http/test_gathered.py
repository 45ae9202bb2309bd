"""Bodies in memory that came in pieces."""

from mesh_plugins.http.gathered import Trailed


async def test_a_whole_body_has_its_trailers_from_the_start() -> None:
    body = Trailed(b"abc", [(b"grpc-status", b"0")])

    pieces = [body.trailers, await body.receive(), await body.receive()]

    assert (pieces, body.buffered, body.size) == ([[(b"grpc-status", b"0")], b"abc", b""], b"abc", 3)
