"""Least loaded: of all endpoints the one with the fewest outstanding requests, kept at the top of a binary heap.

Theory of operation. The heap is ordered by load; an endpoint that is not open sorts behind every one that is, so that where
all are down the heap balances over those. A pick reads the top; counting the request sinks it, counting its end lets it
rise, both in O(log n). A node that becomes idle changes places with a random one, or else the first of several idle ones
would always win. Source: finagle-core, loadbalancer/heap/HeapLeastLoaded.scala, which finds endpoints that are down when
they come to the top; here their health moves them.
"""

from collections.abc import Callable
from random import Random

import attrs

from mesh import Endpoint, Request
from mesh_plugins.balancers.node import Distributor, NewDistributor, Node
from mesh_plugins.balancers.weights import by_weight

DOWN = (
    2**31 - 1
)  # what an endpoint that is not open has on top of its load, for each step of its status; Finagle's penalty


@attrs.frozen
class HeapConfig:
    """The least loaded of all endpoints."""


class HeapNode(Node):
    """A node with its place in the heap; `key` is what it is ordered by, `index` counts from 1, 0 is outside."""

    __slots__ = ("heap", "index", "key")

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(endpoint)
        self.heap: Heap | None = None
        self.index = 0
        self.key = 0

    def acquire(self) -> Callable[[], None]:
        """Count a request, and sink."""
        self.load += 1
        self.key += 1
        if self.heap is not None:
            self.heap.sink(self)
        return self.release

    def release(self) -> None:
        """Count one reply as closed, and rise."""
        self.key -= 1
        super().release()
        if self.heap is not None:
            self.heap.rise(self)


class Heap(Distributor):
    """The rule over nodes of equal weight. `source` has `random()`, uniform in [0, 1)."""

    __slots__ = ("_draw", "_heap")

    algorithm = "heap_least_loaded"
    plain = False

    def __init__(self, source: Random) -> None:
        self._heap: list[HeapNode] = [_NOBODY]  # the top has index 1: children of i are 2i and 2i + 1
        self._draw: Callable[[], float] = source.random

    def new_node(self, endpoint: Endpoint) -> HeapNode:
        """Return a node that is in no heap yet."""
        return HeapNode(endpoint)

    def update(self, nodes: list[Node]) -> None:
        """Make the heap anew of these; their loads stay."""
        for gone in self._heap[1:]:
            if gone.heap is self:
                gone.heap = None
        kept = [node for node in nodes if isinstance(node, HeapNode)]
        kept.sort(key=_key)  # a sorted list is a heap, and a stable one keeps the order of discovery
        self._heap = [_NOBODY, *kept]
        for index, node in enumerate(kept, 1):
            node.heap, node.index = self, index

    def pick(self, _request: Request, /) -> Node:
        """Return the top."""
        return self._heap[1]

    def changed(self, node: Node, /) -> None:
        """Move a node between those that are open and those that are not."""
        if isinstance(node, HeapNode) and node.heap is self:
            key = node.load + node.status * DOWN
            worse, node.key = key > node.key, key
            if worse:
                self.sink(node)
            else:
                self._up(node)

    def sink(self, node: HeapNode) -> None:
        """Move a node down to where both below it are no better."""
        heap, index, key = self._heap, node.index, node.key
        last = len(heap) - 1
        while (below := 2 * index) <= last:
            if below < last and heap[below + 1].key <= heap[below].key:
                below += 1  # of equal ones the right one, as in Finagle
            other = heap[below]
            if other.key >= key:
                break
            heap[index], other.index = other, index
            index = below
        heap[index], node.index = node, index

    def rise(self, node: HeapNode) -> None:
        """Move a node up after a request ended; an idle one to a random place among the idle."""
        if node.key == 0 and len(self._heap) > 2:
            self._shuffle(node)
        else:
            self._up(node)

    def _up(self, node: HeapNode) -> None:
        heap, index, key = self._heap, node.index, node.key
        while index > 1 and heap[index >> 1].key > key:
            other = heap[index >> 1]
            heap[index], other.index = other, index
            index >>= 1
        heap[index], node.index = node, index

    def _shuffle(self, node: HeapNode) -> None:
        """Exchange an idle node, than which none is better, with a random one."""
        heap = self._heap
        last = heap.pop()
        if last is not node:
            heap[node.index], last.index = last, node.index
            self.sink(last)
            self._up(last)
        heap.append(node)
        size = len(heap) - 1
        place = int(self._draw() * size) + 1
        other = heap[place]
        heap[place], heap[size] = node, other
        node.index, other.index = place, size
        if other is node:
            node.index = size
        else:
            self._up(other)
        self._up(node)


def _key(node: HeapNode) -> int:
    node.key = node.load + node.status * DOWN
    return node.key


_NOBODY = HeapNode(Endpoint("", 0))


def heap(_config: HeapConfig, source: Random | None = None) -> NewDistributor:
    """Return the maker of the rule of a `heap` in a stack file; `source` is for tests."""
    drawn = source or Random()
    return by_weight(lambda: Heap(drawn), drawn)
