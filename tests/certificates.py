"""Certificates for tests: an authority of their own, and what it issues, written to files as a stack file names them."""

import datetime
import ipaddress
import pathlib

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

AGE = datetime.timedelta(days=30)


@attrs.frozen
class Files:
    """The PEM files of one certificate."""

    cert: str
    key: str

    def keys(self, **more: object) -> dict[str, object]:
        """Return them as a stack file spells them."""
        return {"certPath": self.cert, "keyPath": self.key, **more}


class Authority:
    """A certificate authority; its certificate is at `path`, and what it issues beside it. Its keys are P-256."""

    def __init__(self, folder: pathlib.Path, name: str = "ca") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._subject = _subject(f"the authority {name}")
        self._issued = 0
        own = self._builder(self._subject, self._key.public_key(), 365)
        own = own.add_extension(x509.BasicConstraints(True, None), critical=True)
        self.path = str(folder / f"{name}.pem")
        pathlib.Path(self.path).write_bytes(self._signed(own))

    def issue(self, *names: str, file: str = "leaf", days: float = 1.0, common_name: str = "") -> Files:
        """Write a certificate for `names` (host names, addresses, URIs) that is valid for `days`; negative: expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_subject(common_name), key.public_key(), days)
        if names:
            alternative = x509.SubjectAlternativeName([_name(name) for name in names])
            builder = builder.add_extension(alternative, critical=not common_name)
        files = Files(str(self._folder / f"{file}.pem"), str(self._folder / f"{file}.key"))
        pathlib.Path(files.cert).write_bytes(self._signed(builder))
        pathlib.Path(files.key).touch(0o600)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        pathlib.Path(files.key).write_bytes(key.private_bytes(*form))
        return files

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: float) -> x509.CertificateBuilder:
        self._issued += 1
        now = datetime.datetime.now(datetime.UTC)
        begin, end = now - AGE, now + datetime.timedelta(days=days)
        builder = x509.CertificateBuilder(self._subject, subject, key, self._issued, begin, end)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(identifier, critical=False).add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key), critical=False
        )

    def _signed(self, builder: x509.CertificateBuilder) -> bytes:
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] if name else [])


def _name(name: str) -> x509.GeneralName:
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
