"""The kinds of linkerd that are recognised but not built yet: whoever uses one reads so, not that it is unknown."""

from collections.abc import Mapping

from mesh import Category, Kind


def _kind(
    category: Category, name: str, summary: str, protocols: tuple[str, ...], *, experimental: bool = False
) -> Kind:
    return Kind(name, category, summary, protocols=protocols, experimental=experimental, built=False)


def _kinds(category: Category, summaries: Mapping[str, str], *protocols: str) -> tuple[Kind, ...]:
    return tuple(_kind(category, name, summary, protocols) for name, summary in summaries.items())


def _experiments(category: Category, summaries: Mapping[str, str]) -> tuple[Kind, ...]:
    return tuple(_kind(category, name, summary, (), experimental=True) for name, summary in summaries.items())


IDENTIFIERS = (
    *_kinds(
        Category.IDENTIFIER,
        {
            "io.l5d.ingress": "Names requests by Kubernetes ingress rules.",
            "io.l5d.k8s.istio": "Names requests by Istio's route rules.",
            "io.l5d.k8s.istio-ingress": "Names requests by Istio's ingress rules.",
        },
        "http",
        "h2",
    ),
)

NAMERS = (
    *_kinds(
        Category.NAMER,
        {
            "io.l5d.consul": "Services in Consul's catalogue.",
            "io.l5d.k8s": "Endpoints of Kubernetes services.",
            "io.l5d.k8s.ns": "Endpoints of Kubernetes services in this pod's namespace.",
            "io.l5d.marathon": "Tasks of Marathon applications.",
            "io.l5d.serversets": "Twitter server sets in ZooKeeper.",
            "io.l5d.zkLeader": "The leader of a ZooKeeper group.",
        },
    ),
    *_experiments(
        Category.NAMER,
        {
            "io.l5d.k8s.external": "Load balancers of Kubernetes services.",
            "io.l5d.k8s.istio": "Istio's service registry.",
            "io.l5d.dnssrv": "SRV records.",
            "io.l5d.rancher": "Rancher's metadata service.",
            "io.l5d.curator": "Apache Curator's service discovery.",
        },
    ),
)

INTERPRETERS = (
    *_kinds(
        Category.INTERPRETER,
        {
            "io.l5d.fs": "A dtab in a file that is watched.",
            "io.l5d.consul.interpreter": "A dtab in Consul's key-value store.",
            "io.l5d.namerd": "namerd, over ThriftMux.",
            "io.l5d.mesh": "namerd, over gRPC.",
        },
    ),
    *_experiments(
        Category.INTERPRETER,
        {
            "io.l5d.k8s.configMap": "A dtab in a Kubernetes ConfigMap.",
            "io.l5d.k8s.istio": "Istio's route rules.",
            "io.l5d.namerd.http": "namerd, over HTTP.",
        },
    ),
)

TRANSFORMERS = _kinds(
    Category.TRANSFORMER,
    {
        "io.l5d.k8s.daemonset": "Replaces each address by the daemon of its node.",
        "io.l5d.k8s.localnode": "Keeps the addresses of this Kubernetes node.",
    },
)

TELEMETERS = (
    *_kinds(
        Category.TELEMETER,
        {
            "io.l5d.zipkin": "Traces sent to Zipkin.",
        },
    ),
    *_experiments(Category.TELEMETER, {"io.l5d.statsd": "Metrics sent to StatsD."}),
)

ANNOUNCERS = _kinds(Category.ANNOUNCER, {"io.l5d.serversets": "Publishes servers in ZooKeeper."})

AUTHORIZERS = _kinds(Category.AUTHORIZER, {"io.l5d.k8s.istio": "Asks Istio's mixer."}, "http", "h2")

PLANNED: tuple[Kind, ...] = (
    *IDENTIFIERS,
    *NAMERS,
    *INTERPRETERS,
    *TRANSFORMERS,
    *TELEMETERS,
    *ANNOUNCERS,
    *AUTHORIZERS,
)
"""All of them; one that is built leaves this list."""
