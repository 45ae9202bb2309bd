"""The circuit breakers' policies that are built in."""

from mesh import Category, Kind
from mesh_plugins.accrual.any_of import AnyOfConfig
from mesh_plugins.accrual.consecutive import ConsecutiveConfig, NoneConfig
from mesh_plugins.accrual.success_rate import SuccessRateConfig, SuccessRateWindowedConfig


def _accrual(name: str, summary: str, config: type, factory: str) -> Kind:
    return Kind(name, Category.ACCRUAL, summary, config, f"mesh_plugins.accrual.{factory}")


KINDS = (
    _accrual(
        "io.l5d.consecutiveFailures",
        "An endpoint is dead after so many failures in a row.",
        ConsecutiveConfig,
        "consecutive:consecutive",
    ),
    _accrual(
        "io.l5d.successRate",
        "An endpoint is dead below a success rate over the last requests.",
        SuccessRateConfig,
        "success_rate:success_rate",
    ),
    _accrual(
        "io.l5d.successRateWindowed",
        "An endpoint is dead below a success rate over a time.",
        SuccessRateWindowedConfig,
        "success_rate:success_rate_windowed",
    ),
    _accrual("anyOf", "An endpoint is dead when one of several policies says so.", AnyOfConfig, "any_of:any_of"),
    _accrual("none", "No endpoint is ever dead.", NoneConfig, "consecutive:none"),
)
