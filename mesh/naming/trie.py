"""Finding which of many prefixes match a path, in the time that the path's length takes."""

from collections.abc import Iterable, Sequence


class PrefixTrie:
    """An index over prefixes, each known by its position in the iterable that it was built from.

    A prefix is a sequence of elements; `None` in it matches any one element. Immutable once built.
    """

    __slots__ = ("_root",)

    def __init__(self, prefixes: Iterable[Sequence[bytes | None]]) -> None:
        self._root = _Node()
        for position, prefix in enumerate(prefixes):
            node = self._root
            for element in prefix:
                node = node.grow(element)
            node.positions.append(position)

    def matching(self, elements: Sequence[bytes]) -> list[int]:
        """Return the positions of all prefixes that `elements` begins with, the last first."""
        nodes = [self._root]
        positions = list(self._root.positions)
        for element in elements:
            nodes = [
                child for node in nodes for child in (node.children.get(element), node.wildcard) if child is not None
            ]
            if not nodes:
                break
            for node in nodes:
                positions += node.positions
        positions.sort(reverse=True)
        return positions


class _Node:
    """A place in the trie: `positions` are the prefixes that end here."""

    __slots__ = ("children", "positions", "wildcard")

    def __init__(self) -> None:
        self.children: dict[bytes, _Node] = {}
        self.positions: list[int] = []
        self.wildcard: _Node | None = None

    def grow(self, element: bytes | None) -> "_Node":
        """Return the child for `element`, made if it is not there yet."""
        if element is None:
            if self.wildcard is None:
                self.wildcard = _Node()
            return self.wildcard
        child = self.children.get(element)
        if child is None:
            child = self.children[element] = _Node()
        return child
