"""The balancers that are built in."""

from mesh import Category, Kind
from mesh_plugins.balancers.ewma import EwmaConfig
from mesh_plugins.balancers.heap import HeapConfig
from mesh_plugins.balancers.load_band import ApertureConfig
from mesh_plugins.balancers.p2c import P2CConfig
from mesh_plugins.balancers.round_robin import RoundRobinConfig

KINDS = (
    Kind(
        "p2c",
        Category.BALANCER,
        "Two random endpoints, the one with fewer outstanding requests wins.",
        P2CConfig,
        "mesh_plugins.balancers.p2c:p2c",
    ),
    Kind(
        "ewma",
        Category.BALANCER,
        "Two random endpoints, the one with the lower peak latency wins.",
        EwmaConfig,
        "mesh_plugins.balancers.ewma:ewma",
    ),
    Kind(
        "aperture",
        Category.BALANCER,
        "p2c inside a window that follows the load.",
        ApertureConfig,
        "mesh_plugins.balancers.aperture:aperture",
    ),
    Kind(
        "heap",
        Category.BALANCER,
        "The least loaded of all endpoints.",
        HeapConfig,
        "mesh_plugins.balancers.heap:heap",
    ),
    Kind(
        "roundRobin",
        Category.BALANCER,
        "One endpoint after the other.",
        RoundRobinConfig,
        "mesh_plugins.balancers.round_robin:round_robin",
    ),
)
