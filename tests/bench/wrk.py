"""The closed-loop load generator: runs wrk and reads what it says."""

import re
import subprocess

import attrs

from tests.bench.errors import WrkError
from tests.bench.needs import find

GRACE_SECONDS = 20.0  # how much longer than asked wrk may run before it is killed


@attrs.frozen
class WrkResult:
    """What a run of wrk counted; `errors` are socket errors, `refused` replies that are not 2xx or 3xx."""

    requests: int
    per_second: float
    errors: int
    refused: int


def run(url: str, host: str, *, connections: int, seconds: float) -> WrkResult:
    """Load `url` with one thread; raises `WrkError` unless every reply was good."""
    result = count(url, host, connections=connections, seconds=seconds)
    if result.errors or result.refused or not result.requests:
        raise WrkError(f"{result.refused} bad replies and {result.errors} socket errors among {result.requests}")
    return result


def count(url: str, host: str, *, connections: int, seconds: float) -> WrkResult:
    """Load `url` with one thread, and return what came of it; raises `WrkError` if wrk did not run."""
    command = [find("wrk"), "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-H", f"Host: {host}", url]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=seconds + GRACE_SECONDS, check=False)
    if finished.returncode != 0:
        raise WrkError(f"wrk ended with status {finished.returncode}: {finished.stderr or finished.stdout}")
    return parse(finished.stdout)


def parse(output: str) -> WrkResult:
    """Read the report that wrk prints; raises `WrkError` if it is not one."""
    requests = re.search(r"(\d+) requests in ", output)
    per_second = re.search(r"Requests/sec:\s+([\d.]+)", output)
    if requests is None or per_second is None:
        raise WrkError(f"not a report of wrk: {output!r}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    return WrkResult(
        requests=int(requests[1]),
        per_second=float(per_second[1]),
        errors=sum(map(int, errors.groups())) if errors else 0,
        refused=int(refused[1]) if refused else 0,
    )
