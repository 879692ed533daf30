# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's own key and certificate, which every server it is trusted by knows it by.

Made as the commands make them (shared/tls/cert.go of Incus, shared/cert.go of LXD): a P-384 key, a certificate signed by
itself for user@host, good for ten years.
"""

from __future__ import annotations

import os
import pwd
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from .._api import tls
from .._api.errors import ConfigurationError
from .files import locked, write_file

_LIFETIME = timedelta(days=3650)
_LONGEST_COMMON_NAME = 64


@dataclass(frozen=True)
class ClientKey:
    """Paths of the certificate and of the key of a client (PEM)."""

    certificate: str
    key: str

    @property
    def exists(self) -> bool:
        """Whether both are there. Raises ConfigurationError when only one is: it is not ours to guess whose it was."""
        there = [path for path in (self.certificate, self.key) if os.path.exists(path)]
        if len(there) == 1:
            missing = self.key if there == [self.certificate] else self.certificate
            raise ConfigurationError(
                f"the client's {there[0]} is there, but {missing} is not: put it back, or move the other one away to have"
                " both made anew (servers that trust the old certificate do not trust a new one)"
            )
        return bool(there)

    def fingerprint(self) -> str:
        """The SHA-256 of the certificate, by which servers list it. Raises ConfigurationError."""
        try:
            with open(self.certificate, encoding="utf-8") as stream:
                return tls.fingerprint(stream.read())
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"the client's certificate {self.certificate} cannot be used: {error}") from error

    def make(self) -> None:
        """Make both, unless they are there; what is there is never written over. Raises ConfigurationError."""
        with locked(os.path.dirname(self.key)):
            if self.exists:
                return
            certificate, key = generate(f"{_user()}@{socket.gethostname()}")
            write_file(self.key, key, 0o600)
            write_file(self.certificate, certificate, 0o644)


def generate(common_name: str) -> tuple[bytes, bytes]:
    """A certificate and its key, both PEM. Raises ConfigurationError where the library for it is missing."""
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ImportError as error:
        raise ConfigurationError(
            "there is no client certificate yet, and to make one this Python needs the library cryptography (Debian:"
            " python3-cryptography): install it on the host that runs the task, or put client.crt and client.key there"
        ) from error
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_LONGEST_COMMON_NAME])])
    now = datetime.now(timezone.utc)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now).not_valid_after(now + _LIFETIME)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    certificate = builder.sign(key, hashes.SHA384())
    # The old form of the key is the one that the commands write and read.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()),
    )


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
