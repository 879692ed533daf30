# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a remote from the client configuration, and this client from the server's trust store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .._api.client import Client
from .._api.errors import InvalidInput, Unreachable
from .configuration import Entry
from .keys import ClientKey
from .meeting import Known, meet
from .outcome import Outcome
from .place import Place, find, refuse_builtin, remove
from .resolve import AUTO, DAEMON_PROTOCOLS
from .standing import Standing
from .trust import revoke as revoke_trust
from .wanted import check_name


def ensure_absent(
    name: str,
    environment: Mapping[str, str],
    *,
    client_config: str = AUTO,
    revoke: bool = False,
    check: bool = False,
) -> Outcome:
    """Remove the remote; with revoke, have the server forget this client first. In check mode only say so.

    The client's own key and certificate stay, other servers know it by them. Raises FlotillaError.
    """
    check_name(name)
    configurations, place = find(name, client_config, environment)
    if place is None:
        for one in configurations:
            refuse_builtin(Place(name, one))
        return Outcome(Standing(), Standing(), "", name, Standing())
    before = _removable(place)
    client = _trusting_server(place.entry_or_empty()) if revoke else None
    if client is not None:
        before = replace(before, trusted=True, client_key=True)
    after = Standing(trusted=False if client else None, client_key=before.client_key)
    if not check:
        if client is not None:
            revoke_trust(client, _key(place.entry_or_empty()).fingerprint())
        remove(place, environment)
    return Outcome(before, after, place.configuration.command.name, name, Standing())


def _removable(place: Place) -> Standing:
    """Its standing; refused is what the commands refuse."""
    refuse_builtin(place)
    standing = place.standing()
    if place.inherited:
        raise InvalidInput(
            f"remote {place.name} is in the configuration of the whole machine, in {place.configuration.machine_directory}:"
            " it can only be removed there"
        )
    if standing.default:
        command = place.configuration.command.name
        raise InvalidInput(
            f"remote {place.name} is the default remote of the {command} command: make another one the default first, with"
            f" `{command} remote switch NAME` or flotilla.lxd.remote and default: true"
        )
    return standing


def _key(entry: Entry) -> ClientKey:
    return ClientKey(*entry.client_files())


def _trusting_server(entry: Entry) -> Client | None:
    """The server, if it does trust this client. Raises Unreachable with advice."""
    by_certificate = entry.protocol in DAEMON_PROTOCOLS and not entry.public and entry.address.startswith("https://")
    key = _key(entry)
    if not by_certificate or not key.exists:
        return None
    known = Known(
        pinned=entry.server_certificate(),
        pinned_fingerprint=entry.server_fingerprint(),
        ca_file=entry.authority_file(),
    )
    try:
        client = meet(entry.name, entry.addresses, known).client(entry.name, key.certificate, key.key)
        return client if client.server.trusted else None
    except Unreachable as error:
        reason = str(error).removeprefix(f"remote {error.remote}: ")
        advice = "It may go on trusting this client. To remove the remote here all the same, leave out revoke"
        raise type(error)(error.remote, f"{reason}. {advice}") from error
