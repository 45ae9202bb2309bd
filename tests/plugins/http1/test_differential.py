"""Both engines read the same from the same bytes: grammar-shaped ones, spoilt ones, cut anywhere.

Where they ever differ, both are to take the stricter reading. Which status a message with two faults is refused with may
differ: it depends on which is found first.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh import Limits, RemoteProtocolError
from mesh_plugins.http1.connect import FastConnectServer
from mesh_plugins.http1.head import ClientEngine, ReplyHead, RequestHead
from mesh_plugins.http1.reference import ReferenceConnectServer
from tests.plugins.http1.driving import CLIENTS, HOST, SERVERS, Reading, read_reply, read_requests

LIMITS = Limits(
    max_request_line_bytes=64,
    max_header_section_bytes=256,
    max_header_fields=8,
    max_chunk_line_bytes=24,
    max_trailer_bytes=48,
)
EXAMPLES = 100


def one_of(*texts: bytes) -> st.SearchStrategy[bytes]:
    """Draw one of the texts, mostly the first."""
    return st.integers(0, 4 * len(texts)).map(lambda at: texts[at % len(texts) if at < len(texts) else 0])


def joined(*parts: st.SearchStrategy[bytes] | bytes) -> st.SearchStrategy[bytes]:
    return st.tuples(*(st.just(part) if isinstance(part, bytes) else part for part in parts)).map(b"".join)


def repeated(part: st.SearchStrategy[bytes], most: int) -> st.SearchStrategy[bytes]:
    return st.lists(part, max_size=most).map(b"".join)


END = one_of(b"\r\n", b"\n", b"\r", b"\r\n ", b"\n\r\n", b"\r\r\n")
SPACE = one_of(b" ", b"", b"\t", b"  ", b"\x0b")
VERSION = one_of(b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.0", b"HTTP/1.2", b"HTTP/2.0", b"http/1.1", b"HTTP/11.1", b"")
METHOD = one_of(b"POST", b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"CONNECT", b"get", b"G(T", b"")
TARGET = one_of(b"/", b"*", b"http://b.test/c", b"HTTPS://b?x", b"http://u@b/", b"b:80", b"/%00", b"/a#b", b"//b", b"")
FIELD = st.sampled_from(
    [
        *(b"X-A: a", b"X-B:", b"X-C:\t \xff \t", b"Keep-Alive: 1", b"TE: x", b"Authorization: x", b"l5d-dtab: x"),
        *(b"Host: b.test", b"HOST: a b", b"Host: [::1]:80", b"Host:", b"Host: a,b", b"Host: a:b", b"Host: a:99999"),
        *(
            b"Content-Length: 5",
            b"content-length: 05",
            b"Content-Length: 5, 5",
            b"Content-Length: +5",
            b"Content-Length: \x0b5",
        ),
        *(b"Content-Length: 9223372036854775808", b"Content-Length:", b"Content_Length: 5", b"Content-Length : 5"),
        *(b"Transfer-Encoding: chunked", b"tRANSFER-eNCODING:CHUNKED", b"Transfer-Encoding: gzip, chunked"),
        *(
            b"Transfer-Encoding: chunked,",
            b'Transfer-Encoding: "chunked"',
            b"Transfer-Encoding:",
            b"Transfer_Encoding: x",
        ),
        *(
            b"Connection: close",
            b"Connection: keep-alive",
            b"Connection: x-a, host",
            b"Connection: upgrade",
            b"Connection: a b",
        ),
        *(
            b"Expect: 100-continue",
            b"Expect: 100-Continue, x",
            b"Expect: x",
            b"Upgrade: h2c",
            b"Upgrade: a",
            b"Trailer: x",
        ),
        *(
            b"X-A: a\x01",
            b"X-A: a\x00",
            b"X-A: a\x7f",
            b"X-A: a\rb",
            b"X-A: a\nb",
            b"X A: a",
            b"X-A",
            b": a",
            b" X-A: a",
            b"",
        ),
    ]
)
FRAMING = st.sampled_from([b"", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
FIELDS = joined(repeated(joined(FIELD, END), 3), FRAMING, repeated(joined(FIELD, END), 1))
CHUNK = st.sampled_from(
    [
        *(
            b"5\r\nhello\r\n",
            b"005;a\r\nhello\r\n",
            b'5; a = "b\xff"\r\nhello\r\n',
            b"A\r\n0123456789\r\n",
            b"a;b;c=d\r\n\r\n0\r\n\r\n;\r\n\r\n",
        ),
        *(
            b"5\r\nhell\r\n",
            b"5\r\nhello!\r\n",
            b"5\r\nhello\n",
            b"5\nhello\r\n",
            b"5 \r\nhello\r\n",
            b" 5\r\nhello\r\n",
        ),
        *(
            b"+5\r\nhello\r\n",
            b"0x5\r\nhello\r\n",
            b"5;\r\nhello\r\n",
            b"5 ;a\r\nhello\r\n",
            b'5;a="\r\nhello\r\n',
            b"\r\n",
        ),
        *(b"f" * 16 + b"\r\n", b"0" * 17 + b"\r\n", b"5;a\x00\r\nhello\r\n", b"5;" + b"a" * 30 + b"\r\nhello\r\n"),
    ]
)
CHUNKS = joined(repeated(CHUNK, 2), one_of(b"0\r\n", b"00;a\r\n", b"0\n", b""), repeated(joined(FIELD, END), 2), END)
BODY = st.one_of(CHUNKS, one_of(b"hello", b"", b"hell", b"hello!"))
REQUEST = joined(
    one_of(b"", b"\r\n", b"\r\n\r\n", b"\n", b" "),
    joined(METHOD, SPACE, TARGET, SPACE, VERSION, END),
    one_of(b"Host: a.test\r\n", b""),
    joined(FIELDS, END, BODY),
)
CONNECT = joined(
    b"CONNECT",
    SPACE,
    one_of(b"a.test:1", b"[::1]:1", b"a.test", b"a.test:", b"a.test:70000", b"/", b"u@a:1", b"http://a:1/", b"*", b""),
    SPACE,
    VERSION,
    END,
    one_of(b"Host: a.test\r\n", b""),
    FIELDS,
    END,
    BODY,
)
SWITCH = one_of(b"101 Switching Protocols", b"101", b"200 OK", b"103 Early Hints", b"426 Upgrade Required")
GRANTED = one_of(
    b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    b"Connection: upgrade\r\nUpgrade: WebSocket\r\nUpgrade: a\r\n",
    b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n",
    b"Upgrade: websocket\r\n",
    b"Connection: upgrade\r\n",
    b"Connection: upgrade\r\nUpgrade: \r\n",
    b"",
)
STATUS = one_of(b"200", b"204", b"304", b"100", b"103", b"101", b"099", b"999", b"2000", b"20", b"")
REASON = one_of(b" OK", b" ", b"", b"  Odd \xff ", b" a\x01", b"OK")
REPLY = joined(VERSION, SPACE, STATUS, REASON, END, FIELDS, END, BODY)
FLAWS = [b"", b"\r", b"\n", b"\r\n", b" ", b":", b"\x00", b"0", b"5", b";", b"\xff"]


@st.composite
def pieces(draw: st.DrawFn, message: st.SearchStrategy[bytes]) -> list[bytes]:
    """Draw some messages in a row, perhaps with a flaw, cut in pieces, perhaps with the end of the connection."""
    octets = draw(repeated(message, 3))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(octets)))
        octets = octets[:at] + draw(st.sampled_from(FLAWS)) + octets[at + draw(st.integers(0, 2)) :]
    places = sorted(draw(st.lists(st.integers(0, len(octets)), max_size=6)))
    cut = [octets[start:end] for start, end in zip([0, *places], [*places, len(octets)], strict=True) if start < end]
    return cut + draw(st.sampled_from([[], [b""]]))


def outcome(reading: Reading[RequestHead] | Reading[ReplyHead]) -> tuple[object, ...]:
    return reading.whole, reading.begun, reading.refused is None


@settings(max_examples=EXAMPLES, deadline=None)
@given(pieces=pieces(REQUEST))
def test_both_engines_read_the_same_requests(pieces: list[bytes]) -> None:
    fast = read_requests(SERVERS["fast"](LIMITS), pieces)
    reference = read_requests(SERVERS["reference"](LIMITS), pieces)

    assert outcome(fast) == outcome(reference)


@settings(max_examples=EXAMPLES, deadline=None)
@given(pieces=pieces(st.one_of(CONNECT, REQUEST)))
def test_both_engines_read_the_same_where_tunnels_are_offered(pieces: list[bytes]) -> None:
    fast = read_requests(FastConnectServer(LIMITS), pieces)
    reference = read_requests(ReferenceConnectServer(LIMITS), pieces)

    assert outcome(fast) == outcome(reference)


@settings(max_examples=EXAMPLES, deadline=None)
@given(pieces=pieces(joined(VERSION, SPACE, SWITCH, END, FIELDS, GRANTED, END, BODY)))
def test_both_engines_read_the_same_answer_to_an_upgrade(pieces: list[bytes]) -> None:
    assert switched(CLIENTS["fast"](LIMITS), pieces) == switched(CLIENTS["reference"](LIMITS), pieces)


def switched(client: ClientEngine, pieces: list[bytes]) -> tuple[list[ReplyHead], bytes | None]:
    """Return the heads that answer an upgrade, and what follows a 101; None if they were refused."""
    client.write_upgrade(b"GET", b"/", HOST, b"websocket, a")
    heads: list[ReplyHead] = []
    try:
        for piece in pieces:
            client.feed(piece)
            while not (heads and (heads[-1].status == 101 or heads[-1].status >= 200)) and (head := client.read_head()):
                heads.append(head)
    except RemoteProtocolError:
        return heads, None
    return heads, client.take_rest() if heads and heads[-1].status == 101 else b""


@settings(max_examples=EXAMPLES, deadline=None)
@given(pieces=pieces(REPLY), method=st.sampled_from([b"GET", b"HEAD"]))
def test_both_engines_read_the_same_reply(pieces: list[bytes], method: bytes) -> None:
    fast = read_reply(CLIENTS["fast"](LIMITS), pieces, method)
    reference = read_reply(CLIENTS["reference"](LIMITS), pieces, method)

    assert outcome(fast) == outcome(reference)


@settings(max_examples=EXAMPLES, deadline=None)
@given(pieces=pieces(REQUEST))
def test_how_requests_are_cut_does_not_matter(pieces: list[bytes]) -> None:
    whole = [b"".join(pieces)] if any(pieces) else []
    end = pieces[-1:] if pieces and not pieces[-1] else []

    cut = read_requests(SERVERS["fast"](LIMITS), pieces)
    uncut = read_requests(SERVERS["fast"](LIMITS), whole + end)

    assert (cut.whole, cut.refused is None) == (uncut.whole, uncut.refused is None)
