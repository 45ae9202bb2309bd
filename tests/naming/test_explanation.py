"""The steps that a binding takes, in one line, and where they end."""

import pytest

from mesh.endpoint import AddrNeg
from mesh.naming.delegator import delegate
from mesh.naming.dtab import Dtab
from mesh.naming.explanation import Explanation, explain_steps, steps_to
from mesh.naming.namer import PENDING, BoundName, Failed, Looked, Namers
from mesh.naming.path import Path
from mesh.naming.tree import NEG, Leaf
from mesh.var import Fixed, Readable, Reader


class Answers:
    def lookup(self, path: Path) -> Readable[Looked]:
        bound: Looked = Leaf(BoundName(Path.read("/#/t/web"), path[1:], Fixed(AddrNeg())))
        answers: dict[str, Looked] = {"/web": bound, "/slow": PENDING, "/broken": Failed("down"), "/alias": ALIAS}
        return Fixed(answers.get(path[:1].show(), NEG))


ALIAS: Looked = Leaf(Path.read("/srv/web"))


def explain(dtab: str, path: str) -> Explanation:
    return explain_steps(
        delegate(Dtab.read(dtab), Namers([(Path.read("/#/t"), Answers())]), Leaf(Path.read(path)), Reader())
    )


def shown(explanation: Explanation) -> list[str]:
    return [f"{step.name} by {step.dentry}" if step.dentry else step.name for step in explanation.steps]


def test_the_steps_lead_from_what_was_asked_to_what_was_bound() -> None:
    explanation = explain("/srv => /#/t; /svc => /srv", "/svc/web/rest")

    assert shown(explanation) == ["/svc/web/rest", "/srv/web/rest by /svc=>/srv", "/#/t/web/rest by /srv=>/#/t"]
    assert explanation.ending == "bound to /#/t/web"
    assert explanation.others == 0


def test_of_an_alternate_the_first_that_is_not_negative_is_followed() -> None:
    explanation = explain("/svc => /#/t/web; /svc => /none | /#/t/broken | /#/t/web", "/svc")

    assert shown(explanation)[-1] == "/#/t/broken by /svc=>/none | /#/t/broken | /#/t/web"
    assert explanation.ending == "failed: down"


def test_if_all_is_negative_the_strongest_rule_is_followed_and_the_others_counted() -> None:
    explanation = explain("/svc => /#/t/old; /svc => /#/t/a | /#/t/b", "/svc")

    assert shown(explanation) == ["/svc", "/#/t/a by /svc=>/#/t/a | /#/t/b"]
    assert explanation.ending == "not found: no rule and no namer knows it"
    assert explanation.others == 2


@pytest.mark.parametrize(
    ("dtab", "ending"),
    [
        ("", "not found: no rule and no namer knows it"),
        ("/svc => ~", "not found: `~`"),
        ("/svc => !", "stopped here: fail"),
        ("/svc => $", "here, but without any endpoint"),
        ("/svc => /#/t/slow", "pending: the namer has not answered yet"),
        ("/svc => /svc", "failed: Max recursion level reached."),
        ("/svc => /#/t/alias; /srv => /#/t", "bound to /#/t/web"),
        ("/svc => ! & ~ | /#/t/web", "bound to /#/t/web"),
        ("/svc => /#/t/slow & /#/t/broken & /#/t/web", "bound to /#/t/web"),
        ("/svc => /#/t/slow & /#/t/broken", "failed: down"),
    ],
)
def test_the_ending_says_what_became_of_the_name(dtab: str, ending: str) -> None:
    assert explain(dtab, "/svc").ending == ending


def test_the_way_to_a_bound_name_is_found_wherever_it_is() -> None:
    dtab = "/srv => /#/t/none | /#/t/web; /svc => 1 * /#/t/broken & 9 * /srv"
    tree = delegate(Dtab.read(dtab), Namers([(Path.read("/#/t"), Answers())]), Leaf(Path.read("/svc")), Reader())

    assert [step.name for step in steps_to(tree, Path.read("/#/t/web"))] == ["/svc", "/srv", "/#/t/web"]
    assert steps_to(tree, Path.read("/#/t/other")) == ()
