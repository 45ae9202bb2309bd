"""The client's side of the handshake."""

import pytest

from mesh_plugins.mux import messages
from mesh_plugins.mux.handshake import ANY_WINDOW, TINIT_FRAME
from mesh_plugins.mux.messages import Control, Error, Init
from mesh_plugins.mux.shaking import MARKED, Shaking, Step
from mesh_plugins.mux.wire import RDRAIN, RINIT, RPING, TDRAIN, TPING, Undecodable, frame

WINDOW = Init(RINIT, 1, 1, ((b"mux-framer", b"\0\0\1\0"),))


def test_an_endpoint_that_negotiates_is_told_terms_and_tells_its_own() -> None:
    shaking = Shaking()

    assert shaking.step(MARKED) == Step(TINIT_FRAME)
    assert shaking.step(WINDOW) == Step(is_over=True, window=256)


@pytest.mark.parametrize("message", [Error(1, "what?"), messages.Lease(1), WINDOW])
def test_one_that_says_anything_else_does_not_negotiate(message: messages.Message) -> None:
    assert Shaking().step(message) == Step(is_over=True, window=ANY_WINDOW)


@pytest.mark.parametrize("has_begun", [False, True])
def test_one_that_pings_or_drains_is_answered_and_the_handshake_goes_on(has_begun: bool) -> None:
    shaking = Shaking()
    if has_begun:
        shaking.step(MARKED)

    assert shaking.step(Control(TPING, 7)) == Step(frame(RPING, 7))
    assert shaking.step(Control(TDRAIN, 8)) == Step(frame(RDRAIN, 8), drains=True)
    assert shaking.step(WINDOW if has_begun else MARKED).is_over is has_begun


def test_one_that_negotiates_says_nothing_else_before_its_terms() -> None:
    shaking = Shaking()
    shaking.step(MARKED)

    with pytest.raises(Undecodable, match="no Rinit"):
        shaking.step(Error(1, "no"))
