"""Reading the files of the fs namer."""

import random

import pytest

from mesh import Endpoint
from mesh_plugins.namers.endpoint_list import read_endpoints
from tests.work import counted


def shown(text: str) -> list[str]:
    return [
        f"{endpoint} * {endpoint.weight:g}" if endpoint.weight != 1 else str(endpoint)
        for endpoint in read_endpoints(text.encode()).endpoints
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("127.0.0.1 8080", "127.0.0.1:8080"),
        ("  127.0.0.1\t 8080  # the first", "127.0.0.1:8080"),
        ("127.0.0.1 8081 * 0.23", "127.0.0.1:8081 * 0.23"),
        ("127.0.0.1 8081 * 2", "127.0.0.1:8081 * 2"),
        ("127.0.0.1 8081 * .5", "127.0.0.1:8081 * 0.5"),
        ("127.0.0.1 8081 * 1e1", "127.0.0.1:8081 * 10"),
        ("127.0.0.1 8081 * 0", "127.0.0.1:8081 * 0"),
        ("127.0.0.1 8080\r", "127.0.0.1:8080"),
        ("::1 8080", "[::1]:8080"),
        ("127.1 65535", "127.0.0.1:65535"),
        ("localhost 1", "127.0.0.1:1"),
        ("web-1.example_2.test 80", "web-1.example_2.test:80"),
    ],
)
def test_a_line_is_an_endpoint(line: str, expected: str) -> None:
    assert shown(line) == [expected]


@pytest.mark.parametrize(
    ("line", "weight", "meta"),
    [
        ("127.0.0.1 8080 zone=eu-1a", 1.0, {"zone": "eu-1a"}),
        ("127.0.0.1 8080 * 2 zone=eu-1a region=eu-1 # near", 2.0, {"zone": "eu-1a", "region": "eu-1"}),
        ("127.0.0.1 8080 a=b=c", 1.0, {"a": "b=c"}),
        ("127.0.0.1 8080", 1.0, {}),
    ],
)
def test_a_line_may_end_with_metadata(line: str, weight: float, meta: dict[str, str]) -> None:
    (endpoint,) = read_endpoints(line.encode()).endpoints

    assert (endpoint.weight, endpoint.meta) == (weight, meta)


@pytest.mark.parametrize("text", ["", "\n", "# nobody\n", "  \n\t\n"])
def test_comments_and_blank_lines_are_no_endpoints(text: str) -> None:
    content = read_endpoints(text.encode())

    assert (content.endpoints, content.names, content.malformed) == ((), (), None)


@pytest.mark.parametrize(
    "line",
    [
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.0.0.1 0",
        "127.0.0.1 65536",
        "127.0.0.1 -1",
        "127.0.0.1 +80",
        "127.0.0.1 8_0",
        "127.0.0.1 ٨٠",
        "127.0.0.1 http",
        "127.0.0.1 80 2",
        "127.0.0.1 zone=eu-1a",
        "127.0.0.1 80 zone=",
        "127.0.0.1 80 =eu-1a",
        "127.0.0.1 80 zone=eu-1a * 2",
        "127.0.0.1 80 * two",
        "127.0.0.1 80 * -1",
        "127.0.0.1 80 * nan",
        "127.0.0.1 80 * inf",
        "127.0.0.1 80 * 1e999",
        "127.0.0.1 80 *2",
        "127.0.0.1 80 * 1 1",
        "127.0.0.300 80",
        "010.0.0.1 80",
        "[::1] 80",
        "-not/a/name 80",
        "héla.test 80",
        "a" * 64 + ".test 80",
    ],
)
def test_a_line_that_is_not_understood_is_left_out_and_told(line: str) -> None:
    content = read_endpoints(f"10.0.0.1 80\n{line} # x\n10.0.0.2 80\n".encode())

    assert [endpoint.host for endpoint in content.endpoints] == ["10.0.0.1", "10.0.0.2"]
    assert content.malformed == line


def test_bytes_that_are_no_text_are_a_malformed_line() -> None:
    content = read_endpoints(b"10.0.0.1 80\n\xff\xfe 80\n\0 80\n")

    assert content.endpoints == (Endpoint("10.0.0.1", 80),)
    assert content.malformed == r"\xff\xfe 80"


def test_endpoints_keep_their_order_and_the_first_of_two_lines_counts() -> None:
    assert shown("10.0.0.2 80 * 2\n10.0.0.1 80\n10.0.0.2 80 * 3\n") == ["10.0.0.2:80 * 2", "10.0.0.1:80"]


def test_the_names_that_are_no_addresses_are_told_once_each() -> None:
    content = read_endpoints(b"b.test 80\n10.0.0.1 80\na.test 80\nb.test 81\n")

    assert content.names == ("b.test", "a.test")


def test_ten_thousand_endpoints_are_read_at_once() -> None:
    source = random.Random(1)
    lines = [
        f"10.{number >> 8}.{number & 255}.{source.randrange(256)} {source.randrange(1, 65536)}"
        for number in range(10_000)
    ]

    with counted() as work:
        content = read_endpoints("\n".join(lines).encode())

    assert len(content.endpoints) == 10_000
    assert work.calls < 40 * 10_000
