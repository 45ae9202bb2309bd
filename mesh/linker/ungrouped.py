"""One error instead of a group of them, at the place where a nursery ends."""

import contextlib
from collections.abc import Iterator

from mesh.errors import MeshError


@contextlib.contextmanager
def ungrouped() -> Iterator[None]:
    """Raise, where a nursery inside raises a group, the one error in it that matters: the first of ours, else the first.

    A group with something that is no `Exception` in it, such as a cancellation, passes as it is.
    """
    try:
        yield
    except ExceptionGroup as group:
        raise _chief(group) from None


def _chief(group: ExceptionGroup[Exception]) -> Exception:
    errors = list(_flat(group))
    return next((error for error in errors if isinstance(error, MeshError)), errors[0])


def _flat(group: ExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, ExceptionGroup):
            yield from _flat(error)
        else:
            yield error
