"""Keys for one run: an authority, the server's certificate, and a key for each participant.

Run as ``python -m fedlearn_edu.flower.keys FOLDER N NAME…`` by a Python that has `cryptography`,
which Flower brings: N participants, and the names under which the server is reached.
"""

import datetime
import ipaddress
import sys
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

DAYS = 2


def _name(words):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, words)])


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _certificate(subject, key, issuer, issuer_key, extension):
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
    )
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(Encoding.PEM)


def _write(path, content):
    """Write a file that nobody else may read."""
    path.touch(mode=0o600)
    path.write_bytes(content)


def make(folder, participants, names=("127.0.0.1", "localhost")):
    """Write the keys of a run.

    Parameters
    ----------
    folder : path
        Gets ca.crt, server.crt, server.key, and for each participant i the files
        participant-i.key and participant-i.pub.
    participants : int
        N.
    names : sequence of str
        Host names and addresses of the server.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     make(folder, 1)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['ca.crt', 'participant-0.key', 'participant-0.pub', 'server.crt', 'server.key']
    """
    folder, authority = Path(folder), "fedlearn_edu, for one run"
    ca, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    constraint = x509.BasicConstraints(ca=True, path_length=0)
    alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
    _write(folder / "ca.crt", _certificate(authority, ca, authority, ca, constraint))
    _write(folder / "server.crt", _certificate("SuperLink", server, authority, ca, alternatives))
    plain = (Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    _write(folder / "server.key", server.private_bytes(*plain))
    for i in range(participants):
        key = ec.generate_private_key(ec.SECP384R1())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        _write(folder / f"participant-{i}.key", private)
        _write(folder / f"participant-{i}.pub", public)


if __name__ == "__main__":
    make(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
