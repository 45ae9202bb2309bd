"""What the encodings of Thrift have in common: types, kinds of messages, and what can go wrong with bytes.

Source: Apache Thrift, doc/specs/thrift-binary-protocol.md and thrift-compact-protocol.md.
"""

from typing import NamedTuple

from mesh import RemoteProtocolError

CALL, REPLY, EXCEPTION, ONEWAY = 1, 2, 3, 4
"""Kinds of messages."""
CALLS = frozenset((CALL, ONEWAY))
"""Those that a client may send."""

STOP, BOOL, BYTE, DOUBLE, I16, I32, I64, STRING = 0, 2, 3, 4, 6, 8, 10, 11
STRUCT, MAP, SET, LIST, UUID = 12, 13, 14, 15, 16
"""Types of values, with the numbers of the binary protocol."""

SCALARS = frozenset((BOOL, BYTE, DOUBLE, I16, I32, I64, STRING, UUID))
TYPES = SCALARS | {STRUCT, MAP, SET, LIST}
MAX_NAME_BYTES = 8192  # of a method: one that is longer is no method of anybody's


class Incomplete(Exception):
    """The bytes end before the item does: more may come. Nothing of the item was consumed."""


class Malformed(RemoteProtocolError):
    """Bytes that are no Thrift, or more of it than is allowed."""


class Head(NamedTuple):
    """What stands before the struct of a message: its kind, the method, the sequence id; `at` is where the struct begins."""

    kind: int
    name: bytes
    seqid: int
    at: int
