"""An endpoint inside a balancer, and the rule that picks one."""

from collections.abc import Callable

from mesh import AnyService, Endpoint, Health, Life, Metrics, Request, Status

OPEN = int(Status.OPEN)


class Node:
    """One endpoint with its load: the number of requests whose replies are not closed. `service` is built at first use.

    `status` is what picks go by: the endpoint's health, or 0 while the balancer ignores health. It is a plain int, read
    several times per pick. `watcher` is told of each change of health, with the status before.
    """

    __slots__ = ("_health", "endpoint", "life", "load", "removed", "service", "status", "watcher")

    def __init__(self, endpoint: Endpoint) -> None:
        self._health: NodeHealth | None = None
        self.endpoint = endpoint
        self.load = 0
        self.service: AnyService | None = None
        self.life: Life | None = None
        self.removed = False
        self.status = OPEN
        self.watcher: Callable[[Node, Status], None] | None = None

    @property
    def health(self) -> Health:
        """The cell that breakers, probes and the pool write; made when it is first asked for."""
        if self._health is None:
            self._health = NodeHealth(self)
        return self._health

    @property
    def said(self) -> Status:
        """What the endpoint's health is, whatever picks go by."""
        return Status.OPEN if self._health is None else self._health.status

    def acquire(self) -> Callable[[], None]:
        """Count a request; return what is called, once, when its reply is closed."""
        self.load += 1
        return self.release

    def release(self) -> None:
        """Count one reply as closed; the last one of a removed endpoint closes its stack."""
        self.load -= 1
        if self.removed and not self.load:
            self.close()

    def close(self) -> None:
        """Close the endpoint's stack, if one was built."""
        if self.life is not None:
            self.life.close()

    def facts(self) -> dict[str, object]:
        """Return what a rule knows of its endpoint beyond load and health, for an operator to read."""
        return {}


class NodeHealth(Health):
    """The health of a node's endpoint, which tells the node of changes, so that nobody needs to look for them."""

    __slots__ = ("_node",)

    def __init__(self, node: Node) -> None:
        super().__init__()
        self._node = node

    def changed(self, before: Status) -> None:
        node = self._node
        if node.watcher is None:
            node.status = int(self.status)
        else:
            node.watcher(node, before)


class Distributor:
    """The rule that picks a node. It lives as long as its balancer; everything is called between awaits.

    `algorithm` is Finagle's name for it. `plain` says that its nodes need not be told of requests by `acquire`: the balancer
    then counts them itself. `pins` says that a request's endpoint follows from the request.
    """

    __slots__ = ()

    algorithm = ""
    plain = True
    pins = False

    def new_node(self, endpoint: Endpoint) -> Node:
        """Return the node of a new endpoint, with room for what the rule remembers of it."""
        return Node(endpoint)

    def update(self, nodes: list[Node]) -> None:
        """Pick among these from now on. Those that were there before are the same objects; the list is the rule's own.

        It may be empty: then nothing is picked, and the rule lets go of the nodes it had.
        """
        raise NotImplementedError

    def pick(self, request: Request, /) -> Node:
        """Return a node, preferably one whose status is 0; never fails, since balancers fail open.

        It is called only when the last list was not empty.
        """
        raise NotImplementedError

    @property
    def picking(self) -> Callable[[Request], Node]:
        """What picks until the next update: `pick`, or that of the only rule below it."""
        return self.pick

    def lot(self, request: Request, /) -> float:
        """Return a number in [0, 1) that follows from the request, for a choice to be made above a rule that pins."""
        raise NotImplementedError

    def changed(self, node: Node, /) -> None:
        """Take note that a node's health, or its status, is another one now."""

    def show(self, scope: Metrics, /) -> None:
        """Add what the rule counts to the metrics of its balancer."""

    def rebuilds(self) -> int:
        """Return how often the rule has put its picture of the nodes in order, beyond updates."""
        return 0


NewDistributor = Callable[[], Distributor]
"""What the factory of a balancer kind returns: makes the rule of one balancer."""
