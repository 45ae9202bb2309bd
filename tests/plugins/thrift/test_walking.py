"""Structs gone through without a schema: to their end, and into another encoding."""

import random
import struct

import pytest

from mesh import Limits
from mesh_plugins.thrift.message import BINARY, COMPACT, Encoding
from mesh_plugins.thrift.walking import Bounds, Walk, check, is_sound, transcode
from mesh_plugins.thrift.wire import Incomplete, Malformed
from tests.plugins.thrift.samples import ENCODINGS, EVERY_TYPE_BINARY, STRUCTS

PAIRS = [(BINARY, COMPACT), (COMPACT, BINARY), (BINARY, BINARY), (COMPACT, COMPACT)]
NESTED = {"binary": bytes.fromhex("0c0001"), "compact": b"\x1c"}


@pytest.mark.parametrize(("source", "target"), PAIRS)
async def test_a_struct_with_every_type_is_written_in_another_encoding(source: Encoding, target: Encoding) -> None:
    written = await transcode(STRUCTS[source.name], 0, source, target, Bounds())

    assert written.hex() == STRUCTS[target.name].hex()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_end_is_found_however_the_bytes_come(encoding: Encoding) -> None:
    data = STRUCTS[encoding.name]
    for cut in range(len(data)):
        walk = Walk(encoding.reader(data[:cut], 0, 1000), Bounds())
        with pytest.raises(Incomplete):
            walk.run()
        walk.reader.data = data + b"more"

        assert walk.run()
        assert walk.reader.at == len(data)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_walk_stops_after_some_steps_and_goes_on(encoding: Encoding) -> None:
    walk = Walk(encoding.reader(STRUCTS[encoding.name], 0, 1000), Bounds())

    turns = 1
    while not walk.run(1):
        turns += 1

    assert turns > 10
    assert walk.reader.at == len(STRUCTS[encoding.name])


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_message_that_was_cut_off_is_malformed(encoding: Encoding) -> None:
    data = STRUCTS[encoding.name]
    for cut in range(len(data)):
        with pytest.raises(Malformed):
            await check(encoding, data[:cut], 0, Bounds())


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_bytes_after_the_end_are_malformed(encoding: Encoding) -> None:
    with pytest.raises(Malformed, match="4 bytes follow"):
        await check(encoding, STRUCTS[encoding.name] + b"JUNK", 0, Bounds())


@pytest.mark.parametrize("encoding", [BINARY, COMPACT])
async def test_depth_is_bounded(encoding: Encoding) -> None:
    nested = NESTED[encoding.name]

    await check(encoding, nested * 63 + b"\0" * 64, 0, Bounds())
    with pytest.raises(Malformed, match="deeper than 64"):
        await check(encoding, nested * 64 + b"\0" * 65, 0, Bounds())
    with pytest.raises(Malformed, match="deeper than 64"):
        await check(encoding, nested * 5000 + b"\0" * 5001, 0, Bounds())


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        (BINARY, "0f0001 08 7fffffff"),
        (BINARY, "0f0001 08 ffffffff"),
        (BINARY, "0f0001 00 0fffffff"),
        (BINARY, "0f0001 01 00000001"),
        (BINARY, "0d0001 0b 0b 7fffffff"),
        (BINARY, "0d0001 00 00 00000001"),
        (BINARY, "0b0001 fffffffb"),
        (BINARY, "0b0001 7fffffff"),
        (BINARY, "630001 00"),
        (BINARY, "0f0001 02 00000003 0101"),
        (COMPACT, "19 f5 ffffffff07"),
        (COMPACT, "19 f0 ff7f"),
        (COMPACT, "19 fe ff7f"),
        (COMPACT, "1b ffffffff07 88"),
        (COMPACT, "18 ffffffff0f"),
        (COMPACT, "1e"),
        (COMPACT, "16 ffffffffffffffffffffff01"),
        (COMPACT, "0c ffff7f"),
    ],
)
async def test_sizes_and_types_that_cannot_be_are_malformed_at_once(encoding: Encoding, data: str) -> None:
    with pytest.raises(Malformed):
        await check(encoding, bytes.fromhex(data) + b"\0" * 20, 0, Bounds())


async def test_a_container_may_have_so_many_elements_and_no_more() -> None:
    def strings(count: int) -> bytes:
        return b"\x0f\0\1\x0b" + struct.pack(">i", count) + b"\0\0\0\0" * count + b"\0"

    await check(BINARY, strings(10), 0, Bounds(elements=10))
    with pytest.raises(Malformed, match="the limit is 10"):
        await check(BINARY, strings(11), 0, Bounds(elements=10))


def test_what_is_plain_is_known_to_be_sound_at_once() -> None:
    echo = bytes.fromhex("0b0001 00000002 6869 0f0002 0c 00000002 08000100000001 00 00 0c0003 00 00")

    assert is_sound(BINARY, echo, 0, Bounds())
    assert not is_sound(BINARY, echo + b"\0", 0, Bounds())
    assert not is_sound(BINARY, echo[:-1], 0, Bounds())
    assert not is_sound(BINARY, echo, 0, Bounds(depth=1))
    assert not is_sound(BINARY, echo, 0, Bounds(elements=1))
    assert not is_sound(COMPACT, b"\0", 0, Bounds())


async def test_whatever_is_called_sound_at_once_is_so_when_looked_at_closely() -> None:
    source = random.Random(7)
    found = 0
    for _round in range(20_000):
        data = bytearray(EVERY_TYPE_BINARY[: source.randrange(1, 60)] + b"\0")
        data[source.randrange(len(data))] = source.randrange(18)
        if is_sound(BINARY, bytes(data), 0, Bounds()):
            found += 1
            await check(BINARY, bytes(data), 0, Bounds())

    assert found > 500


async def test_what_one_encoding_cannot_say_in_the_other_is_malformed() -> None:
    too_large = bytes.fromhex("14 ffff7f 00")  # an i16 of more than 16 bits

    with pytest.raises(Malformed, match="beyond its type"):
        await transcode(too_large, 0, COMPACT, BINARY, Bounds())


def test_bounds_are_those_of_the_limits() -> None:
    assert Bounds.of(Limits()) == Bounds()


async def test_what_becomes_too_large_when_it_is_written_anew_is_malformed() -> None:
    many = b"\x19\xf6\xe8\x07" + bytes(1000) + b"\0"

    written = await transcode(many, 0, COMPACT, BINARY, Bounds(max_bytes=9000))
    with pytest.raises(Malformed, match="more than 7000 bytes"):
        await transcode(many, 0, COMPACT, BINARY, Bounds(max_bytes=7000))

    assert len(written) == 8009
