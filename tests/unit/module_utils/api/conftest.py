# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and servers for the tests of the API layer."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fake_server import FakeServer


@pytest.fixture
def certificate(tmp_path):
    """Make a self-signed certificate; return the paths of it and of its key. days: how long it is valid."""

    def make(name: str, days: float = 1) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP384R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=3))
            .not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("elsewhere.example")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        paths = tmp_path / f"{name}.crt", tmp_path / f"{name}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return paths

    return make


@pytest.fixture
def tls_server(certificate):
    """Start a server behind TLS; return it and its certificate as PEM text."""
    started = []

    def start(answer, name: str = "server", days: float = 1):
        files = certificate(name, days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*files)
        started.append(FakeServer.on_loopback(answer, context))
        return started[-1], files[0].read_text()

    yield start
    for each in started:
        each.stop()
