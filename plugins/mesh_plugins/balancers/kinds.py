"""The balancers that are built in."""

from mesh import Category, Kind
from mesh_plugins.balancers.ewma import EwmaConfig
from mesh_plugins.balancers.heap import HeapConfig
from mesh_plugins.balancers.load_band import ApertureConfig
from mesh_plugins.balancers.maglev import MaglevConfig
from mesh_plugins.balancers.p2c import P2CConfig
from mesh_plugins.balancers.ring_hash import RingHashConfig
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
    Kind(
        "ringHash",
        Category.BALANCER,
        "Like requests go to the same endpoint, the owner of the next point on a ring.",
        RingHashConfig,
        "mesh_plugins.balancers.ring_hash:ring_hash",
    ),
    Kind(
        "maglev",
        Category.BALANCER,
        "Like requests go to the same endpoint, by a table that all endpoints share evenly.",
        MaglevConfig,
        "mesh_plugins.balancers.maglev:maglev",
    ),
)
