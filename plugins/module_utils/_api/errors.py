# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything that can go wrong, as one small family. The edge (module, connection, inventory) turns it into Ansible's."""

from __future__ import annotations


class FlotillaError(Exception):
    """The base of the family. Its text is one complete sentence for the user, with no secret in it."""


class InvalidInput(FlotillaError):
    """What the user asked for cannot be: found before anything was changed."""


class ConfigurationError(FlotillaError):
    """The client configuration is missing, broken, or does not say which server is meant."""


class Unreachable(FlotillaError):
    """No conversation with the server came about, or it broke off."""

    def __init__(self, remote: str, reason: str) -> None:
        super().__init__(f"remote {remote}: {reason}")
        self.remote = remote


class CertificateRefused(Unreachable):
    """The server showed a certificate that is not the one pinned, has expired, or that nobody vouches for."""


class DeadlineExceeded(FlotillaError):
    """Something took longer than the user allows."""


class Interrupted(FlotillaError):
    """Somebody called it off."""


class ApiError(FlotillaError):
    """The server refused a request, or an operation it had accepted failed.

    status is the HTTP status or, of an operation, its status code; text is the server's own.
    """

    def __init__(self, remote: str, doing: str, status: int, text: str, advice: str = "") -> None:
        self.remote, self.doing, self.status, self.text = remote, doing, status, text
        sentence = f"remote {remote}: {doing}: {text or 'no reason given'} (status {status})"
        super().__init__(f"{sentence}. {advice}" if advice else sentence)


class NotFound(ApiError):
    """Status 404."""


class Forbidden(ApiError):
    """Status 401 or 403."""


class PreconditionFailed(ApiError):
    """Status 412: the object was changed by someone else since it was read."""


class OperationFailed(ApiError):
    """A background operation ended in failure or was cancelled."""
