from mesh_plugins.http2.frames import (
    ACK,
    MAX_CONCURRENT_STREAMS,
    write_goaway,
    write_long_block,
    write_ping,
    write_reset,
    write_settings,
    write_window_update,
)


def test_settings_are_pairs_of_a_name_and_a_number() -> None:
    assert write_settings({MAX_CONCURRENT_STREAMS: 100}) == bytes.fromhex("000006 04 00 00000000 0003 00000064")


def test_a_window_update_has_its_increment() -> None:
    assert write_window_update(3, 65536) == bytes.fromhex("000004 08 00 00000003 00010000")


def test_a_reset_has_its_code() -> None:
    assert write_reset(5, 8) == bytes.fromhex("000004 03 00 00000005 00000008")


def test_a_ping_has_eight_bytes() -> None:
    assert write_ping(b"12345678", ACK) == bytes.fromhex("000008 06 01 00000000") + b"12345678"


def test_a_goaway_ends_with_what_its_sender_has_to_say() -> None:
    assert write_goaway(7, 11, b"calm") == bytes.fromhex("00000c 07 00 00000000 00000007 0000000b") + b"calm"


def test_a_block_that_does_not_fit_goes_on_in_continuations() -> None:
    assert write_long_block(1, b"abcde", 1, 2) == (
        bytes.fromhex("000002 01 01 00000001") + b"ab"
        + bytes.fromhex("000002 09 00 00000001") + b"cd"
        + bytes.fromhex("000001 09 04 00000001") + b"e"
    )  # fmt: skip
