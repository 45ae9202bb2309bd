import pytest

from tests.bench.errors import WrkError
from tests.bench.h2load import H2Result, parse

REPORT = """\
starting benchmark...
finished in {took}, 10230.40 req/s, 1.30MB/s
requests: 51152 total, 51232 started, 51152 done, {done} succeeded, {failed} failed, {failed} errored, 0 timeout
status codes: {done} 2xx, 0 3xx, 0 4xx, {refused} 5xx
traffic: 6.50MB (6817000) total, 1.02MB (1071000) headers (space savings 80.05%), 3.12MB (3273728) data
"""


def test_a_clean_report_is_read() -> None:
    actual = parse(REPORT.format(took="5.00s", done=51152, failed=0, refused=0))

    assert actual == H2Result(good=51152, bad=0, seconds=5.0)


def test_short_times_have_other_units() -> None:
    actual = parse(REPORT.format(took="812.50ms", done=1, failed=0, refused=0))

    assert actual.seconds == pytest.approx(0.8125)


def test_bad_replies_and_streams_that_broke_are_added_up() -> None:
    actual = parse(REPORT.format(took="5.00s", done=51000, failed=2, refused=150))

    assert (actual.good, actual.bad) == (51000, 152)


def test_what_is_not_a_report_is_an_error() -> None:
    with pytest.raises(WrkError, match="could not connect"):
        parse("could not connect to 127.0.0.1\n")
