# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which remote a new machine goes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .._api.errors import InvalidInput
from .._bundle.model import host_of
from .._bundle.names import natural
from .state import State

# A remote and a cluster member of it, which is empty where it is left to the server.
Spot = tuple[str, str]


@dataclass(frozen=True)
class Sites:
    """Where machines may be. members: of each remote, those of its cluster. said: ``remote`` or ``remote:member`` by the
    bundle's number of a machine.
    """

    remotes: Sequence[str]
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)
    said: Mapping[str, str] = field(default_factory=dict)


def place(sites: Sites, taken: Mapping[Spot, int], bundle: str, zones: Sequence[str]) -> Spot:
    """Where the fewest machines are. taken: how many are where.

    bundle: the machine's number in the bundle, or empty. Raises InvalidInput for a place that is not there.
    """
    if bundle and bundle in sites.said:
        remote, _colon, member = sites.said[bundle].partition(":")
        _check(sites, remote, member, f"machine {bundle}")
        return remote, member
    candidates = [*_in_zones(sites, zones)] if zones else [(remote, "") for remote in sites.remotes]
    if not candidates:
        raise InvalidInput(
            f"zones={','.join(zones)}: none of these is one of the remotes {', '.join(sites.remotes)} or a cluster member of"
            " theirs"
        )
    often = dict.fromkeys(candidates, 0)
    for (remote, member), number in taken.items():
        spot = (remote, member) if (remote, member) in often else (remote, "")
        if spot in often:
            often[spot] += number
    return min(often, key=lambda spot: often[spot])


def require_possible(said: Mapping[str, str], bundle: Iterable[str], matched: Mapping[str, str], state: State) -> None:
    """said: as Sites has it. bundle: the numbers of its machines. matched: those of the model by the bundle's number.

    Raises InvalidInput for a machine that the bundle does not have, or that is somewhere else already.
    """
    bundle = sorted(bundle, key=natural)
    for number, wanted in said.items():
        if number not in bundle:
            raise InvalidInput(f"machines: the bundle has no machine {number}: it has {', '.join(bundle) or 'none'}")
        there = matched.get(number)
        remote, _colon, member = wanted.partition(":")
        is_on, is_at = (remote, member) if there is None else _where(state, there)
        if remote != is_on or member not in ("", is_at):
            raise InvalidInput(
                f"machines: machine {number} of the bundle is to be on {wanted}, and it is machine {there} of model"
                f" {state.name} and on {f'{is_on}:{is_at}' if member and is_at else is_on} already. Deploying moves nothing:"
                f" leave it out, or say where it is"
            )


def _where(state: State, machine: str) -> tuple[str, str]:
    """Remote and member; as its containers are now, wherever it was made."""
    for container in state.containers:
        if host_of(container.machine) == machine:
            return container.remote, container.location
    made = state.machines[machine]
    return made.remote, made.target


def _in_zones(sites: Sites, zones: Sequence[str]) -> list[Spot]:
    found = []
    for zone in zones:
        if zone in sites.remotes:
            found.append((zone, ""))
        found += [(remote, zone) for remote in sites.remotes if zone in sites.members.get(remote, ())]
    return found


def _check(sites: Sites, remote: str, member: str, what: str) -> None:
    if remote not in sites.remotes:
        raise InvalidInput(f"{what} is to be on {remote}, which is none of the remotes {', '.join(sites.remotes)}")
    if member and member not in sites.members.get(remote, ()):
        raise InvalidInput(f"{what} is to be on member {member} of remote {remote}, whose cluster has no such member")
