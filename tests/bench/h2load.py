"""The closed-loop load generator of HTTP/2: runs h2load and reads what it says."""

import re
import subprocess
from pathlib import Path

import attrs

from tests.bench.errors import WrkError
from tests.bench.needs import find

CONNECTIONS, STREAMS = 8, 10
GRACE_SECONDS = 20.0  # how much longer than asked h2load may run before it is killed
TRANSFER_SECONDS = 120.0


@attrs.frozen
class H2Result:
    """What a run counted: good replies, the others, and the seconds it took."""

    good: int
    bad: int
    seconds: float


def run(url: str, host: str, *, seconds: float, message: Path | None = None) -> H2Result:
    """Load `url` with one thread, by GET, or with `message` as the body of a gRPC call.

    Raises `WrkError` unless every reply was good; what was under way when time was up does not count.
    """
    options = [f"-c{CONNECTIONS}", f"-m{STREAMS}", f"-D{max(1, round(seconds))}"]
    if message is not None:
        options += ["-d", str(message), "-H", "content-type: application/grpc", "-H", "te: trailers"]
    result = _run(url, host, options, seconds + GRACE_SECONDS)
    if result.bad or not result.good:
        raise WrkError(f"{result.bad} bad replies among {result.good}")
    return H2Result(result.good, 0, float(max(1, round(seconds))))


def fetch(url: str, host: str) -> float:
    """Fetch `url` once, over a connection of its own, and return the seconds that took. Raises `WrkError`."""
    result = _run(url, host, ["-c1", "-m1", "-n1"], TRANSFER_SECONDS)
    if result.good != 1:
        raise WrkError(f"no good reply from {url}")
    return result.seconds


def _run(url: str, host: str, options: list[str], seconds: float) -> H2Result:
    command = [find("h2load"), "-t1", *options, "-H", f":authority: {host}", url]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if finished.returncode != 0:
        raise WrkError(f"h2load ended with status {finished.returncode}: {finished.stderr or finished.stdout}")
    return parse(finished.stdout)


def parse(output: str) -> H2Result:
    """Read the report that h2load prints; raises `WrkError` if it is not one."""
    finished = re.search(r"finished in ([\d.]+)(us|ms|s|m)\b", output)
    counts = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
    ends = re.search(r"(\d+) failed, (\d+) errored", output)
    if finished is None or counts is None or ends is None:
        raise WrkError(f"not a report of h2load: {output!r}")
    good, *others = map(int, counts.groups())
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[finished[2]]
    return H2Result(good, sum(others) + int(ends[1]), float(finished[1]) * unit)
