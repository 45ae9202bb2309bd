"""The traffic matrix: what each bound name got from each logical name, under `client/<id>/service/<path>`.

A pair is shown as long as both of its stacks live. Logical names without a stack of their own (one-shot ones, and those
beyond the bound on metrics) are counted together, as `other`: whoever invents names fills neither memory nor metrics.
"""

from collections import Counter

from mesh import OTHER, Metrics, Param, Path


class Pair:
    """The counters of one pair. Some are shared: by the logical names that are counted as `other`."""

    __slots__ = ("failures", "latency", "let_go", "requests", "success")

    def __init__(self, scope: Metrics) -> None:
        self.requests = scope.counter("requests")
        self.success = scope.counter("success")
        self.failures = scope.counter("failures")
        self.latency = scope.histogram("request_latency_ms")
        self.let_go = scope.hold()


class Pairs:
    """The pairs of one bound name. State: the pairs, which come with their first request and go with their path stack."""

    __slots__ = ("_matrix", "_other", "_pairs", "_scope", "find")

    def __init__(self, scope: Metrics, matrix: "Matrix") -> None:
        self._scope = scope
        self._matrix = matrix
        self._other: Pair | None = None
        self._pairs: dict[Path, Pair] = {}
        self.find = self._pairs.get
        """Return the pair of a logical name, or None: the fast half of `get`."""
        matrix.add(self)

    def get(self, path: Path) -> Pair:
        """Return the pair of a logical name, making it if need be."""
        return self._pairs.get(path) or self._make(path)

    def _make(self, path: Path) -> Pair:
        if path in self._matrix:
            scope = self._scope.scope("service", path.show().removeprefix("/"), label=True)
            if scope.name != OTHER:
                pair = self._pairs[path] = Pair(scope)
                return pair
        if self._other is None:
            self._other = Pair(self._scope.scope("service", OTHER, label=True))
        return self._other

    def forget(self, path: Path) -> None:
        """Let the pair of a logical name go, if there is one."""
        pair = self._pairs.pop(path, None)
        if pair is not None:
            pair.let_go()

    def close(self) -> None:
        """Let every pair go: the client stack has ended."""
        self._matrix.remove(self)
        for path in list(self._pairs):
            self.forget(path)


class Matrix:
    """What one router knows of its pairs: how many stacks each logical name has now, and the pairs of each client.

    A name has two while a router that took the place of another still finishes that one's requests.
    """

    __slots__ = ("_clients", "_paths")

    def __init__(self) -> None:
        self._clients: set[Pairs] = set()
        self._paths: Counter[Path] = Counter()

    def __contains__(self, path: Path) -> bool:
        return path in self._paths

    def begin(self, path: Path) -> None:
        """Take note of a new path stack."""
        self._paths[path] += 1

    def end(self, path: Path) -> None:
        """Take note that a path stack has ended; with the last of a logical name every pair of it goes."""
        self._paths[path] -= 1
        if self._paths[path] <= 0:
            del self._paths[path]
            for pairs in self._clients:
                pairs.forget(path)

    def join(self, other: "Matrix") -> None:
        """Be one with the matrix of the router whose place this one's takes: from now on both know the same.

        It is the other's knowledge that both share, as those share it already whose place the other took.
        """
        other._clients |= self._clients
        other._paths += self._paths
        self._clients, self._paths = other._clients, other._paths

    def add(self, pairs: Pairs) -> None:
        """Take note of a new client stack."""
        self._clients.add(pairs)

    def remove(self, pairs: Pairs) -> None:
        """Forget a client stack that has ended."""
        self._clients.discard(pairs)


MATRIX = Param(Matrix(), "traffic matrix")
"""The matrix of the router; the default one is for stacks without a router."""
