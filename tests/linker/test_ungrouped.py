import pytest
import trio

from mesh.errors import MeshError
from mesh.linker.ungrouped import ungrouped


async def raise_(error: BaseException) -> None:
    raise error


async def test_the_error_of_a_nursery_comes_out_alone() -> None:
    error = MeshError("alone")

    with pytest.raises(MeshError) as caught, ungrouped():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(raise_, error)

    assert caught.value is error


def test_of_several_errors_ours_comes_out() -> None:
    ours = MeshError("ours")

    with pytest.raises(MeshError) as caught, ungrouped():
        raise ExceptionGroup("outer", [KeyError("first"), ExceptionGroup("inner", [ours])])

    assert caught.value is ours


def test_without_one_of_ours_the_first_comes_out() -> None:
    with pytest.raises(KeyError, match="first"), ungrouped():
        raise ExceptionGroup("outer", [KeyError("first"), ValueError("second")])


def test_what_is_no_exception_stays_in_its_group() -> None:
    with pytest.raises(BaseExceptionGroup), ungrouped():
        raise BaseExceptionGroup("outer", [MeshError(), KeyboardInterrupt()])


def test_a_single_error_passes() -> None:
    with pytest.raises(KeyError), ungrouped():
        raise KeyError
