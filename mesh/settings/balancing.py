"""What picks an endpoint, and what every kind of balancer can be told beside its own keys."""

import os
from collections.abc import Iterator

import attrs

from mesh.keys import Category, Chosen, key
from mesh.settings.reading import here

OWN_ZONE, OWN_REGION = "LINKER_ZONE", "LINKER_REGION"  # where this process is, if the stack file does not say


@attrs.frozen(kw_only=True)
class SlowStartSettings:
    """How an endpoint that is new, or well again, gets to its share. Raises `ValueError` for an aggression of 0."""

    window_ms: int = key("How long it takes until it has its whole share.", least=1)
    aggression: float = key(
        "How its share grows: with 1 in proportion to the time, with more faster at the beginning.", 1.0, least=0
    )
    min_weight_percent: float = key("What it has at the beginning, in percent of its share.", 10.0, least=0, most=100)

    def __attrs_post_init__(self) -> None:
        if not self.aggression:
            raise ValueError("`aggression` must be above 0")


@attrs.frozen(kw_only=True)
class LocalitySettings:
    """Which endpoints are near; the far ones are for when the near ones are not well."""

    zone: str = key("The zone of this process; by default what the environment variable `LINKER_ZONE` says.", "")
    region: str = key("The region of this process; by default what `LINKER_REGION` says.", "")
    failover: tuple[str, ...] = key("Other regions, in the order in which they are used before all the rest.", ())
    overprovisioning_percent: float = key(
        "The near endpoints keep all requests while so many percent of those that are well would be enough.",
        140.0,
        least=100,
    )
    zone_key: str = key("What discovery calls an endpoint's zone, in its metadata.", "zone")
    region_key: str = key("What discovery calls an endpoint's region, in its metadata.", "region")

    @property
    def own_zone(self) -> str:
        """The zone of this process, empty if nobody says."""
        return self.zone or os.environ.get(OWN_ZONE, "")

    @property
    def own_region(self) -> str:
        """The region of this process, empty if nobody says."""
        return self.region or os.environ.get(OWN_REGION, "")

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Warn if nobody says where this process is."""
        if not (self.own_zone or self.own_region):
            yield "zone", f"neither `zone`, `region`, {OWN_ZONE} nor {OWN_REGION} says where this process is"


@attrs.frozen(kw_only=True)
class BalancerSettings:
    """What picks an endpoint."""

    chosen: Chosen = here("The balancer.", Category.BALANCER, default_kind="p2c")
    enable_probation: bool = key("Endpoints that discovery removed stay while they are healthy.", False)
    panic_threshold_percent: float | None = key(
        "With fewer than so many percent of the endpoints available, all are used as if they were; by default never.",
        None,
        least=0,
        most=100,
    )
    slow_start: SlowStartSettings | None = key(
        "Endpoints that are new, or well again, get their share of requests little by little; by default at once.", None
    )
    locality: LocalitySettings | None = key(
        "Endpoints in the zone and region of this process are preferred; by default all are alike.", None
    )

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Warn of a slow start where requests decide themselves where they go."""
        if self.slow_start is not None and getattr(self.chosen.config, "pins", False):
            yield (
                "slow_start",
                f"it has no effect with {self.chosen.kind.name}, where like requests go to the same endpoint",
            )
