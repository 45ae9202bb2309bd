from mesh.cli.drawing import MAX_LINES, Verdict, draw, endpoints, verdict
from mesh.endpoint import Addr, AddrBound, AddrFailed, AddrNeg, AddrPending, Endpoint
from mesh.naming.delegation import (
    Delegate,
    DelegateAlt,
    DelegateBranch,
    DelegateEmpty,
    DelegateError,
    DelegateFail,
    DelegateLeaf,
    DelegateNeg,
    DelegatePending,
    DelegateUnion,
    Delegation,
    Transformation,
)
from mesh.naming.dtab import Dentry
from mesh.naming.namer import BoundName
from mesh.naming.path import EMPTY_PATH, Path
from mesh.var import Fixed

WEB = Path.read("/svc/web")
NEG = DelegateNeg(EMPTY_PATH, None)
FAIL = DelegateFail(EMPTY_PATH, None)
PENDING = DelegatePending(WEB, None)
ERROR = DelegateError(WEB, None, "no connection")


def leaf(*ports: int, addr: Addr | None = None, rule: Dentry | None = None, residual: str = "/") -> DelegateLeaf:
    name = Path.read("/#/fs/web")
    addr = addr or AddrBound(tuple(Endpoint("10.0.0.1", port) for port in ports))
    return DelegateLeaf(name, rule, BoundName(name, Path.read(residual), Fixed(addr)), addr)


def alt(*trees: Delegation) -> DelegateAlt:
    return DelegateAlt(WEB, None, trees)


def union(*trees: Delegation) -> DelegateUnion:
    return DelegateUnion(WEB, None, tuple(DelegateBranch(1.0 + number, tree) for number, tree in enumerate(trees)))


def drawn(tree: Delegation) -> list[str]:
    return draw(tree, lambda dentry: f"line {dentry.line}")


def test_a_step_shows_the_rule_that_led_to_it_and_where_that_stands() -> None:
    rule = Dentry.read("/svc => /#/fs")

    lines = drawn(Delegate(WEB, None, leaf(80, rule=rule)))

    assert lines == [
        "/svc/web",
        "└► /#/fs/web  /svc => /#/fs  (line 1)",
        "      bound to /#/fs/web",
        "        10.0.0.1:80",
    ]


def test_a_residual_and_weights_of_endpoints_are_shown() -> None:
    addr = AddrBound((Endpoint("10.0.0.1", 80, weight=0.5), Endpoint("::1", 81)))

    lines = drawn(leaf(addr=addr, residual="/rest"))

    assert lines[1:] == ["   bound to /#/fs/web, residual /rest", "     10.0.0.1:80, weight 0.5", "     [::1]:81"]


def test_of_alternatives_the_first_that_is_not_negative_is_taken() -> None:
    lines = drawn(alt(NEG, leaf(80), leaf(81)))

    assert [line[:2] for line in lines if line[0] in "├└"] == ["├─", "├►", "└─"]
    assert lines[1] == "   the first that is found of:"


def test_an_explicit_failure_is_taken_and_hides_what_follows() -> None:
    lines = drawn(alt(FAIL, leaf(80)))

    assert [line for line in lines if line[0] in "├└"] == ["├► !", "└─ /#/fs/web"]
    assert "│     stop: no alternative is tried" in lines


def test_of_a_union_every_branch_that_counts_is_taken_with_its_weight() -> None:
    lines = drawn(union(leaf(80), NEG, leaf(81)))

    assert [line for line in lines if line[0] in "├└"] == [
        "├► [1 of 6] /#/fs/web",
        "├─ [2 of 6] ~",
        "└► [3 of 6] /#/fs/web",
    ]


def test_a_rule_is_not_repeated_below_the_node_that_it_led_to() -> None:
    rule = Dentry.read("/svc/web => /a & /b")
    tree = DelegateUnion(
        WEB, rule, (DelegateBranch(1.0, leaf(80, rule=rule)), DelegateBranch(1.0, leaf(81, rule=rule)))
    )

    lines = drawn(tree)

    assert [line for line in lines if "=>" in line] == ["/svc/web  /svc/web => /a & /b  (line 1)"]


def test_what_ends_a_way_without_an_endpoint_says_how() -> None:
    ends: list[tuple[Delegation, str]] = [
        (NEG, "not found"),
        (FAIL, "stop: no alternative is tried"),
        (DelegateEmpty(WEB, None), "here, but without endpoints"),
        (ERROR, "failed: no connection"),
        (PENDING, "no answer yet"),
    ]

    assert [drawn(end)[1].strip() for end, _said in ends] == [said for _end, said in ends]


def test_an_address_set_says_what_it_is() -> None:
    sets: dict[str, Addr] = {
        "no endpoints": AddrBound(()),
        "there is no such address": AddrNeg(),
        "failed: no connection": AddrFailed("no connection"),
        "no answer yet": AddrPending(),
    }

    assert [drawn(leaf(addr=addr))[2].strip() for addr in sets.values()] == list(sets)


def test_the_last_good_answer_says_so() -> None:
    addr = AddrBound((Endpoint("10.0.0.1", 80),), stale="the file is gone")

    assert drawn(leaf(addr=addr))[-1].strip() == "the last good answer: the file is gone"


def test_long_lists_of_endpoints_are_cut() -> None:
    lines = drawn(leaf(*range(1, 31)))

    assert (len(lines), lines[-1].strip()) == (23, "and 10 more")


def test_a_long_drawing_is_cut() -> None:
    lines = drawn(alt(*[NEG] * MAX_LINES))

    assert (len(lines), lines[-1]) == (MAX_LINES + 1, f"… and {MAX_LINES + 2} more lines")


def test_a_transformation_is_a_step() -> None:
    tree = Transformation(WEB, None, "io.l5d.port", leaf(80).bound, leaf(80).addr, leaf(81))

    lines = drawn(tree)

    assert lines[1:3] == ["   changed by io.l5d.port:", "└► /#/fs/web"]


def test_a_verdict_is_what_a_binding_makes_of_it() -> None:
    verdicts: list[tuple[Delegation, Verdict]] = [
        (alt(NEG, FAIL, leaf(80)), Verdict.FAILED),
        (alt(NEG, NEG), Verdict.NEGATIVE),
        (alt(NEG, PENDING), Verdict.UNKNOWN),
        (alt(ERROR, leaf(80)), Verdict.UNKNOWN),
        (union(NEG, FAIL), Verdict.NEGATIVE),
        (union(PENDING, leaf(80)), Verdict.FOUND),
        (union(NEG, ERROR), Verdict.UNKNOWN),
        (Delegate(WEB, None, NEG), Verdict.NEGATIVE),
        (DelegateEmpty(WEB, None), Verdict.FOUND),
    ]

    assert [verdict(tree) for tree, _expected in verdicts] == [expected for _tree, expected in verdicts]


def test_endpoints_are_counted_where_a_binding_goes() -> None:
    counts: list[tuple[Delegation, int]] = [
        (alt(NEG, leaf(80, 81), leaf(82)), 2),
        (union(leaf(80), NEG, leaf(81)), 2),
        (alt(FAIL, leaf(80)), 0),
        (leaf(addr=AddrPending()), 0),
    ]

    assert [endpoints(tree) for tree, _expected in counts] == [expected for _tree, expected in counts]
