"""Classes that share no compiled code."""

from mesh_plugins.http2.own_code import with_own_code


class First:
    def twice(self, number: int, *, more: int = 1) -> int:
        return self.one(number) * 2 + more

    def one(self, number: int) -> int:
        return number


class Second(First):
    def one(self, number: int) -> int:
        return super().one(number) + 1


@with_own_code
class Third(Second):
    pass


def test_what_is_inherited_does_the_same() -> None:
    assert (Third().twice(3), Third().twice(3, more=0)) == (Second().twice(3), Second().twice(3, more=0))


def test_the_code_is_another() -> None:
    assert Third.twice.__code__ is not First.twice.__code__
