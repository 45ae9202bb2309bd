"""Failures by their names, in linkerd's place: `failures/<error>`."""

from collections.abc import Callable

from mesh import Counter, Metrics, Param, Reply

NameOf = Callable[[Reply], str | None]
"""Returns what a reply that is a failure is called, None if it has no name. Names are few; a slash parts their levels."""
FAILURE_NAME: Param[NameOf | None] = Param(None, "failure name")
"""The names of replies that are failures; None in protocols that count replies by their status."""


class FailuresByError(dict[str, Counter]):
    """The counter of each failure of one scope, made when it is first seen."""

    __slots__ = ("_name_of", "_scope")

    def __init__(self, scope: Metrics, name_of: NameOf | None = None) -> None:
        super().__init__()
        self._scope = scope
        self._name_of = name_of

    def __missing__(self, name: str) -> Counter:
        counter = self[name] = self._scope.counter("failures", *name.split("/"))
        return counter

    def count(self, error: BaseException) -> None:
        """Count one more failure, which `error` says."""
        self[type(error).__name__].value += 1

    def count_reply(self, reply: Reply) -> None:
        """Count one more failure, which a reply says, if it has a name."""
        name = None if self._name_of is None else self._name_of(reply)
        if name is not None:
            self[name].value += 1
