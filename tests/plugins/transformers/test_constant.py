"""The transformers that put one path in the place of what was bound."""

import pytest

from mesh import (
    NEG,
    PENDING,
    AddrNeg,
    DelegateLeaf,
    Failed,
    Leaf,
    Params,
    Path,
    Reader,
    Union,
    Weighted,
    explain_steps,
)
from mesh_plugins.transformers.config import ConstConfig, ReplaceConfig
from mesh_plugins.transformers.constant import Const, Replace, const, replace
from tests.plugins.transformers.transforming import PARAMS, bound, shown

PREFIX = Path.read("/%/x")
INET = Path.read("/$/inet/10.1.1.1/80/rest")
FOUND = Leaf(bound(["10.0.0.1:80"]))
CONSTANT = "/%/x/$/inet/10.1.1.1/80/rest/rest at ['10.1.1.1:80']"


def replacing(path: Path = INET) -> Replace:
    return replace(ReplaceConfig(path), PREFIX, PARAMS)


def constant(path: Path = INET) -> Const:
    return const(ConstConfig(path), PREFIX, PARAMS)


@pytest.mark.parametrize(
    ("tree", "expected"), [(FOUND, CONSTANT), (NEG, "~"), (PENDING, str(PENDING)), (Failed("x"), str(Failed("x")))]
)
def test_replace_replaces_what_was_found(tree: object, expected: str) -> None:
    assert shown(replacing().transform(tree, Reader())) == expected  # type: ignore[arg-type]  # pytest erases it


@pytest.mark.parametrize("tree", [FOUND, NEG, PENDING, Failed("x")])
def test_const_is_bound_whatever_was_found(tree: object) -> None:
    assert shown(constant().transform(tree, Reader())) == CONSTANT  # type: ignore[arg-type]  # pytest erases it


def test_replace_replaces_every_branch_and_keeps_the_weights() -> None:
    tree = Union((Weighted(3.0, FOUND), Weighted(1.0, FOUND)))

    replaced = replacing().transform(tree, Reader())

    assert str(replaced) == "3.00*/%/x/$/inet/10.1.1.1/80/rest/rest & /%/x/$/inet/10.1.1.1/80/rest/rest"


def test_a_path_may_lead_to_a_configured_namer() -> None:
    tree = constant(Path.read("/#/fs/web")).transform(NEG, Reader())

    assert shown(tree) == "/%/x/#/fs/web at ['10.9.9.9:99']"


def test_a_path_that_no_namer_knows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"/svc/web is below none of /\$, /#/fs, and no dtab applies to it"):
        constant(Path.read("/svc/web"))


def test_both_show_where_they_lead() -> None:
    asked = DelegateLeaf(Path.read("/#/web"), None, bound(["10.0.0.1:80"]), AddrNeg())

    ways = [replacing().show(asked, Reader()), constant().show(asked, Reader())]

    assert [[step.name for step in explain_steps(way).steps] for way in ways] == [
        ["/#/web", "/%/x/$/inet/10.1.1.1/80/rest"],
        ["/#/web", "/%/x/$/inet/10.1.1.1/80/rest"],
    ]


def test_a_replacement_that_is_negative_takes_the_name_away() -> None:
    transformer = replace(ReplaceConfig(Path.read("/$/nil")), PREFIX, PARAMS)

    assert shown(transformer.transform(FOUND, Reader())) == "$"


def test_no_configured_namer_is_needed() -> None:
    with pytest.raises(ValueError, match="is below none of"):
        const(ConstConfig(Path.read("/#/fs/web")), PREFIX, Params())
