"""The published bad inputs as a client or an endpoint sends them: whole, byte by byte, or cut at random."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trio
import yaml

from tests.e2e.raw import RawConnection

FILE = Path(__file__).parents[1] / "conformance" / "http1" / "bad_inputs.yaml"
BYTEWISE_UP_TO = 200  # bytes: beyond, cuts at random places find the same faults sooner
RANDOM_CUTS = 2

Case = Any
"""One entry of the file, whose shape depends on its protocol; its language is explained there."""
Steps = list[dict[str, Any]]


def cases(proto: str) -> list[Case]:
    """Return the entries of one protocol."""
    return [case for case in yaml.safe_load(FILE.read_text())["inputs"] if case["proto"] == proto]


def cuttings(steps: Steps) -> Iterator[Steps]:
    """Yield the same steps whole, then with what they send cut smaller; those that wait long, only whole."""
    yield steps
    if sum(step.get("pause", 0) for step in steps) > 1:
        return
    if sum(len(octets(step)) for step in steps) <= BYTEWISE_UP_TO:
        yield [piece for step in steps for piece in _cut(step, 1)]
    for seed in range(RANDOM_CUTS):
        yield [piece for step in steps for piece in _cut_at_random(step, random.Random(seed))]


def octets(step: dict[str, Any]) -> bytes:
    """Return what a step sends."""
    sent: bytes = step.get("bytes", "").encode("latin-1") * step.get("repeat", 1)
    return sent


async def play(connection: RawConnection, steps: Steps) -> None:
    """Send, wait and shut down as the steps say, as far as the peer lets one."""
    try:
        for step in steps:
            if "pause" in step:
                await trio.sleep(step["pause"])
            elif "eof" in step:
                await connection.send_end()
            else:
                await connection.send(octets(step), b"")
    except trio.BrokenResourceError:
        return  # what the peer said before it closed is still to be read


def _cut(step: dict[str, Any], size: int) -> Steps:
    sent = octets(step)
    return [{"bytes": sent[at : at + size].decode("latin-1")} for at in range(0, len(sent), size)] or [step]


def _cut_at_random(step: dict[str, Any], source: random.Random) -> Steps:
    sent = octets(step).decode("latin-1")
    places = sorted(source.sample(range(len(sent)), min(len(sent), 6)))
    pieces = [sent[start:end] for start, end in zip([0, *places], [*places, len(sent)], strict=True)]
    return [{"bytes": piece} for piece in pieces if piece] or [step]
