from tests.bench.mux_echo import answer
from tests.bench.mux_load import PAYLOAD, dispatch

PING = bytes.fromhex("0000000441000001")


def test_a_dispatch_is_answered_with_its_payload() -> None:
    answers, left = answer(dispatch(5, "/echo"))

    assert (answers, left) == (bytes.fromhex("00000047fe000005000000") + PAYLOAD, b"")


def test_the_opening_of_a_session_is_answered() -> None:
    can_tinit = bytes.fromhex("0000000f7f00000174696e697420636865636b")
    tinit = bytes.fromhex(
        "0000002a4400000100010000000a6d75782d6672616d6572000000047fffffff00000003746c73000000036f6666"
    )

    answers, _left = answer(can_tinit + tinit + PING)

    assert answers == can_tinit + bytes.fromhex("00000006bc0000010001") + bytes.fromhex("00000004bf000001")


def test_what_is_not_whole_is_left() -> None:
    answers, left = answer(PING + PING[:5])

    assert (len(answers), left) == (8, PING[:5])
