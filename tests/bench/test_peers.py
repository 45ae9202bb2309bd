import pytest
import yaml

from tests.bench.backend import render
from tests.bench.peers import dtab, endpoints

PORTS = {"port": 4140, "first": 8081, "second": 8082, "third": 8083, "slow": 8084, "sink": 8085, "h2": 8086}
FILES: dict[str, object] = {"cert": "leaf.pem", "key": "leaf.key"}


def test_only_the_first_dentry_matches_the_service() -> None:
    stack = yaml.safe_load(render("linker-names.yaml", port=4140, admin=9990, dtab=dtab(10_000)))

    prefixes = [line.split(" => ")[0] for line in stack["routers"][0]["dtab"].splitlines()]

    matching = [prefix for prefix in prefixes if "/svc/web/".startswith(f"{prefix}/")]
    assert (len(set(prefixes)), matching) == (10_000, ["/svc"])


def test_every_endpoint_has_an_address_of_its_own() -> None:
    lines = endpoints(10_000, 8080)

    assert len(set(lines)) == 10_000


def test_endpoints_are_legal_loopback_addresses() -> None:
    octets = [int(octet) for line in endpoints(10_000, 8080) for octet in line.split()[0].split(".")]

    assert (octets[0::4], max(octets), min(octets[3::4])) == ([127] * 10_000, 250, 1)


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ("linker-small.yaml", {}),
        ("linker-filters.yaml", {}),
        ("linker-limited.yaml", {"limit": 64}),
        ("linker-tls.yaml", FILES),
        ("linker-production.yaml", {}),
        ("linker-mux.yaml", {}),
        ("linker-thrift.yaml", {"thrift": 9090}),
        ("linker-h2.yaml", {}),
    ],
)
def test_a_stack_file_serves_on_the_port_it_is_given(template: str, values: dict[str, object]) -> None:
    stack = yaml.safe_load(render(template, port=4140, admin=9990, **values))

    server = stack["routers"][0]["servers"][0]

    assert server["port"] == 4140


def test_the_case_of_filters_has_ten() -> None:
    stack = yaml.safe_load(render("linker-filters.yaml", port=4140, admin=9990))

    kinds = [entry["kind"] for entry in stack["routers"][0]["filters"]["service"]]

    assert kinds == ["passthrough:PassThrough"] * 10


@pytest.mark.parametrize("template", ["envoy.yaml", "envoy-tls.yaml", "envoy-production.yaml", "envoy-h2.yaml"])
def test_envoy_balances_over_three_endpoints_by_least_request(template: str) -> None:
    bootstrap = yaml.safe_load(render(template, max_requests=1024, **PORTS, **FILES))

    web = bootstrap["static_resources"]["clusters"][0]

    assert (web["lb_policy"], len(web["load_assignment"]["endpoints"][0]["lb_endpoints"])) == ("LEAST_REQUEST", 3)


def test_both_peers_of_thrift_lead_to_the_same_endpoint() -> None:
    linker = yaml.safe_load(render("linker-thrift.yaml", port=4140, admin=9990, thrift=9090))
    envoy = yaml.safe_load(render("envoy-thrift.yaml", port=4140, thrift=9090))

    assert linker["routers"][0]["dtab"] == "/svc => /$/inet/127.0.0.1/9090;"
    assert "'port_value': 9090" in str(envoy["static_resources"]["clusters"])


def test_a_value_that_a_template_misses_is_an_error() -> None:
    with pytest.raises(KeyError):
        render("haproxy.cfg", port=4140)
