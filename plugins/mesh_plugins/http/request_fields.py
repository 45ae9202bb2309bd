"""What the fields of a request say of itself: the trace it belongs to, whether to explain it, and whose it claims to be.

One pass over the fields looks for all of them, and for those that other roles read; most requests carry none. 0.8 µs for those.
Source: linkerd router/core, TraceInitializer.scala; router/base-http, ForwardClientCertFilter.scala.
"""

import random
import time
from collections.abc import Awaitable, Callable

from mesh import (
    AnyService,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Param,
    Params,
    Propagator,
    TraceId,
    bind,
    field,
    new_traces,
    span_ids,
    without,
)
from mesh_plugins.http.context import READERS, Readers
from mesh_plugins.http.diagnosis import ADD_CONTEXT, MAX_FORWARDS, Diagnose, diagnosis
from mesh_plugins.http.sampling import SAMPLE, Sampler, sample_rate

CLIENT_CERT = b"x-forwarded-client-cert"
EXPLAINED = frozenset({b"TRACE", b"OPTIONS"})

PROPAGATOR: Param[Propagator | None] = Param(None, "propagator")
"""How trace ids travel; None keeps no traces."""
TRUSTS_TRACES = Param(True, "trusts traces")
"""Whether a server continues the traces of its clients."""


class RequestFields:
    """Continues the trace of a request, and explains it if it asks; a certificate it claims is not believed.

    A request without a trace gets one with its first attempt: see `trace_fields`.

    `traces` makes the ids, and is None where no traces are kept. `readers` are called, in order, for the names they look for.
    """

    __slots__ = ("_diagnose", "_names", "_own", "_readers", "_traces")

    def __init__(self, traces: "Traces | None", diagnose: "Diagnose", readers: Readers = ()) -> None:
        own = frozenset({CLIENT_CERT, MAX_FORWARDS, ADD_CONTEXT})
        self._traces = traces
        self._own = own if traces is None else own | traces.names
        self._names = self._own.union(*(names for names, _read in readers))
        self._readers = readers
        self._diagnose = diagnose

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        names = self._names
        for name, _value in request.headers:
            if name in names:  # faster than one comparison: the hash of a name that was seen before is known
                return self._read_all(request, service)
        return service(request)

    def _read_all(self, request: HttpRequest, service: AnyService) -> Awaitable[HttpReply]:
        present = self._names.intersection(name for name, _value in request.headers)
        for names, read in self._readers:
            if not names.isdisjoint(present):
                read(request)
        return service(request) if self._own.isdisjoint(present) else self._read(request, service)

    def _read(self, request: HttpRequest, service: AnyService) -> Awaitable[HttpReply]:
        if self._traces is not None:
            self._traces.read(request)
        request.headers = without(request.headers, CLIENT_CERT)
        if request.method in EXPLAINED:
            return self._diagnose(request, service)
        return service(request)


class Traces:
    """Makes the ids of this hop's spans, as a propagator wants them."""

    __slots__ = ("_ids", "_propagator", "_sampler", "_trusts", "begin", "names")

    def __init__(self, propagator: Propagator, source: random.Random, *, trusts: bool = True) -> None:
        """Take `trusts` as false for a server whose clients may not say which trace they belong to."""
        self._propagator = propagator
        self._sampler = Sampler(source)
        self._trusts = trusts
        self._ids = span_ids(source)
        self.names = propagator.names | {SAMPLE}
        new = new_traces(source, time.time if propagator.is_wide else None)
        self.begin: Callable[[], TraceId] = new.__next__

    def read(self, request: HttpRequest) -> None:
        """Set the trace of a request by its fields, and take off those that must not travel on as they came."""
        headers = request.headers
        if not self._trusts:
            request.headers = without(headers, *self.names)
            request.context.trace = self.begin()
            return
        carried = self._propagator.read(headers)
        trace = self.begin() if carried.trace is None else carried.trace.child(next(self._ids))
        sampled = trace.sampled
        if sampled is None:
            sampled = carried.sampled
            rate = sample_rate(field(headers, SAMPLE)) if sampled is None else None
            if rate is not None:
                sampled = self._sampler(trace, rate)
            if sampled is not None:
                trace = trace.decided(sampled)
        request.headers = without(carried.headers, SAMPLE)
        request.context.trace = trace


def _request_fields(params: Params, rest: Make) -> AnyService:
    propagator = params[PROPAGATOR]
    traces = None if propagator is None else Traces(propagator, random.Random(), trusts=params[TRUSTS_TRACES])
    built = RequestFields(traces, diagnosis(params), params[READERS])
    return bind(built, rest(params), "request_fields")


REQUEST_FIELDS = Module(
    "request_fields",
    _request_fields,
    above=("router",),
    below=("clear_context",),
    why="strangers may not say these things, and an explanation needs the override",
    section="server",
)
