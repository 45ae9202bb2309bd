"""One struct with every type, in both encodings, as literal bytes: written by hand from the specifications."""

from mesh_plugins.thrift.message import BINARY, COMPACT, OLD_BINARY, Encoding

ENCODINGS: tuple[Encoding, ...] = (BINARY, OLD_BINARY, COMPACT)

EVERY_TYPE_BINARY = bytes.fromhex(
    "02 0001 01"  # true
    "02 0002 00"  # false
    "03 0003 fe"  # the byte -2
    "06 0004 ff38"  # -200
    "08 0005 000186a0"  # 100000
    "0a 0006 8000000000000000"  # the least there is
    "04 0007 3ff8000000000000"  # 1.5
    "0b 0008 00000003 616263"  # abc
    "0c 0014 08 0001 00000001 00"  # a struct, far from the field before
    "0f 0015 08 00000002 00000001 ffffffff"  # [1, -1]
    "0e 0016 02 00000002 01 00"  # {true, false}
    "0d 0017 0b 0c 00000001 00000001 6b 02 0001 01 00"  # {k: a struct}
    "0d 0018 00 00 00000000"  # {}
    "0f 0019 0f 00000001 0b 00000001 00000000"  # [[""]]
    "10 001a 00112233445566778899aabbccddeeff"  # a UUID
    "00"
)
EVERY_TYPE_COMPACT = bytes.fromhex(
    "11 12"
    "13 fe"
    "14 8f03"
    "15 c09a0c"
    "16 ffffffffffffffffff01"
    "17 000000000000f83f"
    "18 03 616263"
    "cc 15 02 00"
    "19 25 02 01"
    "1a 21 01 02"
    "1b 01 8c 01 6b 11 00"
    "1b 00"
    "19 19 18 00"
    "1d 00112233445566778899aabbccddeeff"
    "00"
)
STRUCTS = {"binary": EVERY_TYPE_BINARY, "oldBinary": EVERY_TYPE_BINARY, "compact": EVERY_TYPE_COMPACT}

HEADS = {
    "binary": bytes.fromhex("80010001 00000004 6563686f 00000007"),
    "oldBinary": bytes.fromhex("00000004 6563686f 01 00000007"),
    "compact": bytes.fromhex("8221 07 04 6563686f"),
}
"""The head of a call of `echo` with the sequence id 7."""


def call(encoding: Encoding) -> bytes:
    """Return a whole call."""
    return HEADS[encoding.name] + STRUCTS[encoding.name]
