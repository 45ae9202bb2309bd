import pytest

from tests.bench.errors import WrkError
from tests.bench.wrk import WrkResult, parse

REPORT = """\
Running 10s test @ http://127.0.0.1:4140/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.01ms  500.00us  12.10ms   88.13%
    Req/Sec    15.93k     1.02k   17.90k    70.00%
  158541 requests in 10.01s, 33.11MB read
{trouble}Requests/sec:  15838.26
Transfer/sec:      3.31MB
"""


def test_a_clean_report_is_read() -> None:
    actual = parse(REPORT.format(trouble=""))

    assert actual == WrkResult(requests=158541, per_second=15838.26, errors=0, refused=0)


def test_socket_errors_are_added_up() -> None:
    trouble = "  Socket errors: connect 1, read 20, write 300, timeout 4000\n"

    actual = parse(REPORT.format(trouble=trouble))

    assert actual.errors == 4321


def test_bad_replies_are_counted() -> None:
    trouble = "  Non-2xx or 3xx responses: 77\n"

    actual = parse(REPORT.format(trouble=trouble))

    assert actual.refused == 77


def test_what_is_not_a_report_is_an_error() -> None:
    with pytest.raises(WrkError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:4140 Connection refused\n")
