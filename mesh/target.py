"""What a part of a stack is built for: the params that the assembly and the branch points put, for every module below."""

from mesh.metrics import Metrics
from mesh.naming.namer import BoundName
from mesh.naming.path import EMPTY_PATH, Path
from mesh.params import Param
from mesh.var import Fixed, Readable

ROUTER_LABEL = Param("", "router label")
DST_PREFIX: Param[Path] = Param(EMPTY_PATH, "dst prefix")
"""What every logical name of the router begins with."""
SERVER_LABEL = Param("", "server label")
"""The label of the server that a server stack belongs to: `<ip>/<port>`."""
PATH: Param[Path] = Param(EMPTY_PATH, "path")
"""The logical name that a path stack is built for."""
BOUND: Param[BoundName | None] = Param(None, "bound name")
"""The bound name that a client stack is built for; its residual is empty, since requests differ in that."""
ONE_SHOT = Param(False, "one shot")
"""Whether the stack is built for a single request because a cache is full: its metrics are counted as `other`."""
METRICS: Param[Metrics] = Param(Metrics(), "metrics")
"""The scope of the router (`rt/<label>`), below which every module keeps its metrics."""
WORKERS = Param(1, "workers")
"""Among how many processes what a budget allows is divided."""
DRAINING: Param[Readable[bool]] = Param(Fixed(False), "draining")
"""Whether the process has begun to end: it accepts no more, and lets exchanges finish."""
