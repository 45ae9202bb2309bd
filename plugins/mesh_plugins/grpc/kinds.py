"""The kinds of gRPC."""

from mesh import Category, Kind, summary_of
from mesh_plugins.grpc.classifiers import (
    AlwaysRetryableConfig,
    CompliantConfig,
    DefaultConfig,
    NeverRetryableConfig,
    RetryableStatusCodesConfig,
)
from mesh_plugins.grpc.keys import GrpcRouterKeys, GrpcServiceKeys
from mesh_plugins.grpc.methods import GrpcStatsConfig
from mesh_plugins.grpc.own_health import GrpcHealthConfig
from mesh_plugins.grpc.probes import GrpcHealthCheckConfig
from mesh_plugins.grpc.web import GrpcWebConfig
from mesh_plugins.http.keys import H2ClientKeys, H2ServerKeys

PROTOCOLS = ("h2", "grpc", "http")


def _classifier(name: str, config: type, function: str) -> Kind:
    summary = "gRPC: " + (config.__doc__ or "").partition(" Raises")[0]
    factory = f"mesh_plugins.grpc.classifiers:{function}"
    return Kind(f"io.l5d.h2.grpc.{name}", Category.CLASSIFIER, summary, config, factory, protocols=PROTOCOLS)


def _filter(name: str, config: type, factory: str) -> Kind:
    return Kind(
        f"io.l5d.{name}",
        Category.FILTER,
        summary_of(config),
        config,
        f"mesh_plugins.grpc.{factory}",
        protocols=PROTOCOLS,
    )


KINDS = (
    Kind(
        "grpc",
        Category.PROTOCOL,
        "HTTP/2 routers for gRPC alone.",
        GrpcRouterKeys,
        "mesh_plugins.grpc.protocol:grpc",
        limits=("h2_",),
        parts={"server": H2ServerKeys, "service": GrpcServiceKeys, "client": H2ClientKeys},
        alpn=("h2",),
    ),
    _classifier("default", DefaultConfig, "make_default"),
    _classifier("compliant", CompliantConfig, "make_compliant"),
    _classifier("alwaysRetryable", AlwaysRetryableConfig, "make_always_retryable"),
    _classifier("neverRetryable", NeverRetryableConfig, "make_never_retryable"),
    _classifier("retryableStatusCodes", RetryableStatusCodesConfig, "make_retryable_status_codes"),
    _filter("grpcWeb", GrpcWebConfig, "web:grpc_web"),
    _filter("grpcStats", GrpcStatsConfig, "methods:grpc_stats"),
    _filter("grpcHealth", GrpcHealthConfig, "own_health:grpc_health"),
    _filter("grpcHealthCheck", GrpcHealthCheckConfig, "probes:grpc_health_check"),
)
