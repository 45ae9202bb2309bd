"""Whom a certificate is for, and whether that is who was expected.

Source: RFC 9525 (service identity in TLS), SPIFFE X.509-SVID section 2.
"""

from collections.abc import Iterable

from mesh.certificate import Certificate


def host_names(certificate: Certificate) -> tuple[str, ...]:
    """Return the host names and addresses of a certificate.

    One without any alternative name is for the name of its subject. RFC 9525 gives that up, but linkerd's users have such
    certificates.
    """
    if not certificate.sans:
        return (certificate.subject_name,) if certificate.subject_name else ()
    return tuple(san.partition(":")[2] for san in certificate.sans if san.startswith(("DNS:", "IP:")))


def all_names(certificate: Certificate) -> tuple[str, ...]:
    """Return every name of a certificate that may be expected: URIs, then host names and addresses."""
    uris = tuple(san.partition(":")[2] for san in certificate.sans if san.startswith("URI:"))
    return uris + host_names(certificate)


def is_for_host(certificate: Certificate, host: str) -> bool:
    """Return whether a certificate is for `host`; a `*` in its names stands for the whole first label."""
    return any(_covers(name, host) for name in host_names(certificate))


def is_one_of(certificate: Certificate, expected: Iterable[str]) -> bool:
    """Return whether one of the names of a certificate is expected.

    A `*` at the end of an expected URI stands for the rest of it; as the first label of an expected host name, for any
    one label.
    """
    names = all_names(certificate)
    return any(_is_expected(name, wanted) for wanted in expected for name in names)


def ambiguity(certificate: Certificate) -> str:
    """Return why a certificate does not say who its owner is; empty if it does.

    A SPIFFE identity must be the only URI of its certificate. Source: SPIFFE X.509-SVID section 2.
    """
    uris = [san for san in certificate.sans if san.startswith("URI:")]
    if len(uris) > 1 and any(uri.startswith("URI:spiffe://") for uri in uris):
        return f"its certificate has {len(uris)} URIs, so that its SPIFFE identity is ambiguous"
    return ""


def _is_expected(name: str, wanted: str) -> bool:
    if "://" in wanted:
        return name.startswith(wanted[:-1]) if wanted.endswith("*") else name == wanted
    return "://" not in name and (_covers(name, wanted) or _covers(wanted, name))


def _covers(pattern: str, host: str) -> bool:
    pattern, host = pattern.lower().removesuffix("."), host.lower().removesuffix(".")
    if pattern == host:
        return True
    if not pattern.startswith("*."):
        return False
    label, _dot, domain = host.partition(".")
    return bool(label) and domain == pattern[2:] and "." in domain and "*" not in host and not _is_address(host)


def _is_address(host: str) -> bool:
    return host.replace(".", "").isdigit()


def shown(certificate: Certificate) -> str:
    """Return the names of a certificate for a message to people; cut short where there are many."""
    names = all_names(certificate)
    if not names:
        return "no name at all"
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
