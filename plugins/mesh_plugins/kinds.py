"""The kinds that are built in, less those with a list of their own and those that are only planned."""

from mesh import Category, Kind, summary_of
from mesh_plugins.http.identifiers import (
    HeaderConfig,
    HeaderPathConfig,
    HeaderTokenConfig,
    MethodAndHostConfig,
    PathConfig,
    StaticConfig,
)
from mesh_plugins.http.keys import (
    H2ClientKeys,
    H2RouterKeys,
    H2ServerKeys,
    H2ServiceKeys,
    HttpClientKeys,
    HttpRouterKeys,
    HttpServerKeys,
    HttpServiceKeys,
)
from mesh_plugins.http.protocols import OF_HTTP


def _identifier(name: str, config: type, function: str, *protocols: str) -> Kind:
    factory = f"mesh_plugins.http.identifiers:{function}"
    return Kind(name, Category.IDENTIFIER, summary_of(config), config, factory, protocols=(*OF_HTTP, *protocols))


KINDS = (
    Kind(
        "http",
        Category.PROTOCOL,
        "HTTP/1.1 routers.",
        HttpRouterKeys,
        "mesh_plugins.http.protocol:http",
        limits=("h2_",),
        parts={"server": HttpServerKeys, "service": HttpServiceKeys, "client": HttpClientKeys},
        serve="mesh_plugins.http1.protocol:serve_plainly",
        alpn=("http/1.1", "http/1.0"),
    ),
    Kind(
        "h2",
        Category.PROTOCOL,
        "HTTP/2 routers.",
        H2RouterKeys,
        "mesh_plugins.http.protocol:http",
        limits=("h2_",),
        parts={"server": H2ServerKeys, "service": H2ServiceKeys, "client": H2ClientKeys},
        alpn=("h2",),
    ),
    _identifier("io.l5d.header.token", HeaderTokenConfig, "header_token"),
    _identifier("io.l5d.header", HeaderConfig, "header"),
    _identifier("io.l5d.header.path", HeaderPathConfig, "header_path"),
    _identifier("io.l5d.path", PathConfig, "path"),
    _identifier("io.l5d.methodAndHost", MethodAndHostConfig, "method_and_host"),
    _identifier("io.l5d.static", StaticConfig, "static", "tcp", "thrift"),
)
