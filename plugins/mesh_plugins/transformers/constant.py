"""The transformers `io.l5d.replace` and `io.l5d.const`: one path in place of what was bound.

Source: linkerd, ReplaceTransformer.scala, ConstTransformer.scala.
"""

import attrs

from mesh import (
    EMPTY_DTAB,
    NAMERS,
    SYSTEM_NAMER,
    SYSTEM_PREFIX,
    BoundName,
    BoundTree,
    Computed,
    Delegate,
    DelegateLeaf,
    Delegation,
    Fixed,
    Leaf,
    LocalInterpreter,
    NameTree,
    Params,
    Path,
    Reader,
    Transformation,
    Union,
    Weighted,
    map_leaves,
)
from mesh_plugins.transformers.config import ConstConfig, ReplaceConfig


class Constant:
    """What one path is bound to, as it changes; ids are `prefix` and the whole path.

    `tree` is the bound tree, `way` the same as a delegation.
    """

    __slots__ = ("_path", "_prefix", "tree", "way")

    def __init__(self, path: Path, prefix: Path, params: Params) -> None:
        """Raise `ValueError` for a path that no namer knows: nothing would ever be bound."""
        known = [SYSTEM_PREFIX, *(prefix for prefix, _namer in params[NAMERS])]
        if not any(path.startswith(each) for each in known):
            raise ValueError(f"{path} is below none of {', '.join(map(str, known))}, and no dtab applies to it")
        interpreter = LocalInterpreter(Fixed(EMPTY_DTAB), params[NAMERS], params[SYSTEM_NAMER])
        source, way = interpreter.bind(EMPTY_DTAB, path), interpreter.delegate(EMPTY_DTAB, path)
        self._path = path
        self._prefix = prefix
        self.tree: Computed[BoundTree] = Computed(lambda read: self._renamed(read(source)))
        self.way: Computed[Delegation] = Computed(lambda read: map_leaves(read(way), self._renamed_leaf))

    def _renamed(self, tree: BoundTree) -> BoundTree:
        return tree.map(self._rename) if isinstance(tree, NameTree) else tree

    def _renamed_leaf(self, leaf: DelegateLeaf) -> Delegation:
        name = self._rename(leaf.bound)
        return attrs.evolve(leaf, path=name.id, bound=name)

    def _rename(self, name: BoundName) -> BoundName:
        return attrs.evolve(name, id=self._prefix + self._path)


class Replace:
    """Puts the constant in the place of every bound name; what was not found stays not found."""

    __slots__ = ("_constant",)

    def __init__(self, constant: Constant) -> None:
        self._constant = constant

    def transform(self, tree: BoundTree, read: Reader) -> BoundTree:
        """Return the tree with the constant for every leaf."""
        if not isinstance(tree, NameTree) or not tree.leaves():
            return tree
        constant = read(self._constant.tree)
        return _replaced(tree, constant).simplified if isinstance(constant, NameTree) else constant

    def show(self, tree: Delegation, read: Reader) -> Delegation:
        """Return the delegation with each end followed by the constant."""
        way = read(self._constant.way)
        return map_leaves(
            tree,
            lambda leaf: Transformation(leaf.path, leaf.dentry, "ReplaceTransformer", leaf.bound, leaf.addr, way),
        )


class Const:
    """Is the constant, whatever was found."""

    __slots__ = ("_constant",)

    def __init__(self, constant: Constant) -> None:
        self._constant = constant

    def transform(self, _tree: BoundTree, read: Reader) -> BoundTree:
        """Return the constant."""
        return read(self._constant.tree)

    def show(self, tree: Delegation, read: Reader) -> Delegation:
        """Return one step, from what was asked to the constant: nothing on the way makes a difference."""
        return Delegate(tree.path, None, read(self._constant.way))


def replace(config: ReplaceConfig, prefix: Path, params: Params) -> Replace:
    """Return the transformer `io.l5d.replace`."""
    return Replace(Constant(config.path, prefix, params))


def const(config: ConstConfig, prefix: Path, params: Params) -> Const:
    """Return the transformer `io.l5d.const`."""
    return Const(Constant(config.path, prefix, params))


def _replaced(tree: NameTree[BoundName], constant: NameTree[BoundName]) -> NameTree[BoundName]:
    match tree:
        case Leaf():
            return constant
        case Union(branches):
            return Union(tuple(Weighted(branch.weight, _replaced(branch.tree, constant)) for branch in branches))
        case _:
            return tree
