"""The kinds of gRPC."""

from mesh import Category, Kind
from mesh_plugins.grpc.classifiers import (
    AlwaysRetryableConfig,
    CompliantConfig,
    DefaultConfig,
    NeverRetryableConfig,
    RetryableStatusCodesConfig,
)

PROTOCOLS = ("h2", "grpc", "http")


def _classifier(name: str, config: type, function: str) -> Kind:
    summary = "gRPC: " + (config.__doc__ or "").partition(" Raises")[0]
    factory = f"mesh_plugins.grpc.classifiers:{function}"
    return Kind(f"io.l5d.h2.grpc.{name}", Category.CLASSIFIER, summary, config, factory, protocols=PROTOCOLS)


KINDS = (
    _classifier("default", DefaultConfig, "make_default"),
    _classifier("compliant", CompliantConfig, "make_compliant"),
    _classifier("alwaysRetryable", AlwaysRetryableConfig, "make_always_retryable"),
    _classifier("neverRetryable", NeverRetryableConfig, "make_never_retryable"),
    _classifier("retryableStatusCodes", RetryableStatusCodesConfig, "make_retryable_status_codes"),
)
