"""Failures by the names of their errors, in linkerd's place: `failures/<error>`."""

from mesh import Counter, Metrics


class FailuresByError(dict[str, Counter]):
    """The counter of each error of one scope, made when the error is first seen."""

    __slots__ = ("_scope",)

    def __init__(self, scope: Metrics) -> None:
        super().__init__()
        self._scope = scope

    def __missing__(self, name: str) -> Counter:
        counter = self[name] = self._scope.counter("failures", name)
        return counter

    def count(self, error: BaseException) -> None:
        """Count one more failure, which `error` says."""
        self[type(error).__name__].value += 1
