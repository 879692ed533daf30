# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways a container takes from one server to another, and to itself.

Pull: the target fetches it from the source. Push: the source brings it to the target. Relay: both talk to this client, which
passes on what the one says to the other. The servers speak the same protocol in all three, LXD and Incus alike.

Source: doc/rest-api.yaml, POST /1.0/instances and POST /1.0/instances/{name}, of LXD and Incus.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Callable

from .._api.client import Reply, path
from .._api.deadline import Deadline
from .._api.errors import (
    ApiError,
    DeadlineExceeded,
    FlotillaError,
    Interrupted,
    InvalidInput,
    OperationFailed,
    Unreachable,
)
from .._api.operation import SUCCESS, Operation
from .._api.transport import TlsAddress
from .bridge import Line, bridge, hang_up
from .end import End
from .header import Adapt, adapted

PULL, PUSH, RELAY, LOCAL = "pull", "push", "relay", "local"
AUTO = "auto"
# A server notices within this time that its peer has gone.
_NOTICE_SECONDS = 3.0
# How long a server waits for a peer that was announced, and some more.
_WAITS_SECONDS = 30.0
_TRIES = 10
_PAUSE = 1.0


@dataclass(frozen=True)
class Parcel:
    """What is sent. body: the writable part of the container as it is to be, with its mark. snapshot: the one that is to
    become the container; alone: without its snapshots; refresh: onto a copy that is there; loose: it runs meanwhile; adapt:
    how config keys and profiles of its snapshots have to change on the way, which only a relay can do.
    """

    body: Mapping[str, Any]
    type: str
    snapshot: str | None = None
    alone: bool = False
    refresh: bool = False
    live: bool = False
    loose: bool = False
    adapt: Adapt | None = None


class NeverMet(FlotillaError):
    """The two servers did not reach each other this way: nothing was transferred, and another way may do."""


class Transfer:
    """One container on its way. member: of the target's cluster, or None."""

    def __init__(self, source: End, target: End, parcel: Parcel, *, member: str | None = None) -> None:
        self._source = source
        self._target = target
        self._parcel = parcel
        self._home = source.client
        self._there = target.client.scoped(target=member)
        self._doing = f"transfer container {source.name}"

    def send(self, way: str, deadline: Deadline) -> str:
        """Send it and return by which way it went. Raises what the servers raise; the target may then be a half."""
        ways: Mapping[str, Callable[[Deadline], None]]
        ways = {PULL: self._pull, PUSH: self._push, RELAY: self._relay, LOCAL: self._copy}
        if way != AUTO:
            ways[way](deadline)
            return way
        reasons: dict[str, list[str]] = {}
        for each in (RELAY,) if self._parcel.adapt else (PULL, PUSH, RELAY):
            try:
                ways[each](deadline)
                return each
            except FlotillaError as error:
                if not reasons and not isinstance(error, NeverMet):
                    raise
                reasons.setdefault(str(error), []).append(each)
                if not isinstance(error, NeverMet):
                    break
        raise NeverMet("; ".join(f"{', '.join(each)}: {reason}" for reason, each in reasons.items()))

    def _copy(self, deadline: Deadline) -> None:
        """Within one server."""
        parcel = self._parcel
        source = {
            "type": "copy",
            "source": self._source.name + (f"/{parcel.snapshot}" if parcel.snapshot else ""),
            "project": self._home.project or "default",
            "instance_only": parcel.alone,
            "refresh": parcel.refresh,
            "allow_inconsistent": parcel.loose,
        }
        reply = self._create(source, deadline)
        if reply.operation:
            _outlast(reply.operation, deadline)

    def _pull(self, deadline: Deadline) -> None:
        reasons = []
        for url in _addresses(self._source, self._there.remote, "fetch from"):
            offer = self._offer(deadline)
            source = {
                "mode": "pull",
                "operation": f"{url}/1.0/operations/{offer.id}",
                "secrets": offer.metadata,
                "certificate": self._home.server.environment.get("certificate"),
            }
            try:
                self._both(offer, partial(self._create, self._migration(source)), deadline)
            except NeverMet as error:
                reasons.append(str(error))
            else:
                return
        raise NeverMet("; ".join(reasons))

    def _push(self, deadline: Deadline) -> None:
        reasons = []
        for url in _addresses(self._target, self._home.remote, "push to"):
            wait = _operation(self._create(self._migration({"mode": "push"}), deadline))
            order = {
                "operation": f"{url}/1.0/operations/{wait.id}",
                "secrets": wait.metadata,
                "certificate": self._there.server.environment.get("certificate"),
            }
            try:
                self._both(wait, partial(self._order, {"target": order}), deadline)
            except NeverMet as error:
                reasons.append(str(error))
            else:
                return
        raise NeverMet("; ".join(reasons))

    def _relay(self, deadline: Deadline) -> None:
        offer = self._offer(deadline)
        try:
            wait = _operation(self._create(self._migration({"mode": "push"}), deadline))
        except FlotillaError:
            _give_up(offer)
            raise
        near, far = Line(self._home, offer), Line(self._there, wait)
        adapt = self._parcel.adapt
        try:
            bridge(near, far, self._doing, deadline, partial(adapted, adapt=adapt) if adapt else None)
        except Unreachable as error:
            near.close()
            far.close()
            raise _reason(error, wait, offer) from error
        finally:
            near.close()
            far.close()
        _finish_both(wait, offer, deadline)

    def _both(self, waiting: Operation, act: Callable[[Deadline], Reply], deadline: Deadline) -> None:
        """Have the active side act, and see both through. waiting: the operation of the side that waits for it.

        Raises NeverMet if the waiting side has seen nobody: no text has to be understood to know that.
        """
        try:
            _outlast(_operation(act(deadline)), deadline)
        except (DeadlineExceeded, Interrupted, Unreachable):
            _await_end(waiting)
            raise
        except FlotillaError as error:
            if _ended(waiting, _NOTICE_SECONDS):
                raise _better(error, waiting) from error
            _give_up(waiting)
            raise NeverMet(str(error)) from error
        _outlast(waiting, deadline)

    def _offer(self, deadline: Deadline) -> Operation:
        return _operation(self._order({}, deadline))

    def _order(self, order: Mapping[str, Any], deadline: Deadline) -> Reply:
        """Tell the source to send, or to offer."""
        parcel = self._parcel
        parts = ("snapshots", parcel.snapshot) if parcel.snapshot else ()
        payload = {
            "name": self._target.name,
            "migration": True,
            "live": parcel.live,
            "instance_only": parcel.alone,
            "allow_inconsistent": parcel.loose,
            **order,
        }
        where = path("instances", self._source.name, *parts)
        return self._home.send("POST", where, payload, doing=self._doing, deadline=_short(deadline))

    def _create(self, source: Mapping[str, Any], deadline: Deadline) -> Reply:
        parcel = self._parcel
        payload = {"name": self._target.name, "type": parcel.type, **parcel.body, "source": source}
        return self._there.send("POST", path("instances"), payload, doing=self._doing, deadline=_short(deadline))

    def _migration(self, source: Mapping[str, Any]) -> dict[str, Any]:
        parcel = self._parcel
        base = parcel.body["config"].get("volatile.base_image", "")
        return {
            "type": "migration",
            "live": parcel.live,
            "instance_only": parcel.alone,
            "refresh": parcel.refresh,
            "base-image": base,
            "allow_inconsistent": parcel.loose,
            **source,
        }


def _addresses(end: End, peer: str, verb: str) -> list[str]:
    """Where the other server may find this one: as this client does, and as it says itself."""
    transport = end.client.transport
    own = [str(transport.address)] if isinstance(transport.address, TlsAddress) else []
    said = [f"https://{address}" for address in end.client.server.environment.get("addresses") or ()]
    found = list(dict.fromkeys([*own, *said]))
    if not found:
        raise NeverMet(
            f"remote {end.client.remote}: it is reached by its socket only (no core.https_address is set), and {peer} cannot"
            f" {verb} that"
        )
    return found


def _operation(reply: Reply) -> Operation:
    if reply.operation is None:
        raise InvalidInput("the server answered without an operation where there has to be one")
    return reply.operation


def _outlast(operation: Operation, deadline: Deadline) -> None:
    """Wait for an operation, on a line that may be cut: the servers need this client only to say how it went."""
    tries = _TRIES
    while True:
        try:
            operation.wait(deadline)
            return
        except Unreachable:
            tries -= 1
            if not tries:
                raise
            time.sleep(min(_PAUSE, deadline.remaining()))


def _finish_both(wait: Operation, offer: Operation, deadline: Deadline) -> None:
    try:
        _outlast(wait, deadline)
    except FlotillaError as error:
        _ended(offer, _NOTICE_SECONDS)
        raise _better(error, offer) from error
    _outlast(offer, deadline)


def _reason(error: FlotillaError, *operations: Operation) -> FlotillaError:
    """Why a relay broke off: a server that failed has hung up, and says in its operation why."""
    said = [one for one in operations if _ended(one, _NOTICE_SECONDS) and one.error]
    for each in operations:
        if each not in said:
            _await_end(each)
    return OperationFailed(said[0].client.remote, said[0].doing, said[0].status_code, said[0].error) if said else error


def _ended(operation: Operation, seconds: float) -> bool:
    """Whether an operation ends by itself in this time. If not, it is called off where it can be."""
    try:
        operation.finish(Deadline(seconds))
    except DeadlineExceeded:
        return False
    except OperationFailed:
        return True  # Ended so long ago that the server has forgotten it.
    return operation.status_code >= SUCCESS


def _await_end(operation: Operation) -> None:
    """Of a side that may have been spoken to: it ends with the transfer, or as soon as it is tired of waiting.

    It must not be hung up on: LXD 5.0 dies of a stream that is connected a second time.
    """
    operation.cancel()
    _ended(operation, _WAITS_SECONDS)


def _give_up(waiting: Operation) -> None:
    """Have a side that nobody has spoken to wait no more, and what it has made so far be gone."""
    if not waiting.cancel():
        hang_up(waiting)
    _ended(waiting, _WAITS_SECONDS)


def _better(error: FlotillaError, other: Operation) -> FlotillaError:
    """The error, with what the other side has to say: it is there that CRIU, rsync or a full disk is known by name."""
    if not other.error or not isinstance(error, ApiError) or other.error in error.text:
        return error
    return type(error)(error.remote, error.doing, error.status, f"{error.text}; the other side: {other.error}")


def _short(deadline: Deadline) -> Deadline:
    """For a request that only starts something."""
    return Deadline(min(60.0, deadline.remaining()))
