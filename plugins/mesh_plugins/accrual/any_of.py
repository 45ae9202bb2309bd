"""Dead as soon as one of several policies says so. Source: finagle-core, liveness/FailureAccrualPolicy.scala, `orElse`."""

from collections.abc import Callable

import attrs

from mesh import Category, Chosen, key, load
from mesh_plugins.accrual.accrual import NewPolicy, Policy


@attrs.frozen
class AnyOfConfig:
    """An endpoint is dead when one of several policies says so."""

    policies: tuple[Chosen, ...] = key(
        "The policies, each with its keys; if several call an endpoint dead, the longest time counts.",
        category=Category.ACCRUAL,
    )


class AnyOf:
    """The policy of one endpoint: each of `policies` is told everything."""

    __slots__ = ("_policies",)

    def __init__(self, policies: list[Policy]) -> None:
        self._policies = policies

    def succeeded(self) -> None:
        for policy in self._policies:
            policy.succeeded()

    def failed(self) -> float | None:
        answers = [policy.failed() for policy in self._policies]
        return max((seconds for seconds in answers if seconds is not None), default=None)

    def revived(self) -> None:
        for policy in self._policies:
            policy.revived()


def any_of(config: AnyOfConfig) -> Callable[[], Policy | None]:
    """Return the maker of policies for `anyOf`; those that are `none` are left out, and nothing but them is none."""
    makers: list[NewPolicy] = [load(chosen.kind)(chosen.config) for chosen in config.policies]

    def make() -> Policy | None:
        policies = [policy for policy in (new() for new in makers) if policy is not None]
        return AnyOf(policies) if policies else None

    return make
