# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server on loopback with a certificate of its own."""

from __future__ import annotations

import http.server
import socket
import ssl
import subprocess
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def make_certificate(directory: Path, *names: str) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key. names: as in ``IP:127.0.0.1``."""
    certificate, key = directory / "web.crt", directory / "web.key"
    subject = ["-subj", "/CN=images.example", "-addext", f"subjectAltName={','.join(names)}", "-days", "1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject]
    subprocess.run([*command, "-out", str(certificate), "-keyout", str(key)], check=True, capture_output=True)
    return certificate, key


class _Server(http.server.ThreadingHTTPServer):
    def get_request(self) -> tuple[socket.socket, object]:
        """The library's, which says nothing of a connection that fails while it is taken."""
        try:
            return super().get_request()
        except OSError:
            traceback.print_exc()
            raise


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler], directory: Path) -> Iterator[tuple[str, Path]]:
    """Serve over HTTPS; yields the URL and the certificate. directory: where that is kept."""
    certificate, key = make_certificate(directory, "DNS:images.example", "IP:127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with _Server(("127.0.0.1", 0), handler) as server:
        # Whoever hangs in its handshake is not to keep the others waiting: that is done in a thread of each.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"https://127.0.0.1:{server.server_port}", certificate
        finally:
            server.shutdown()
