# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding a remote to the client configuration, or changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._api import tls
from .._api.client import Client, path
from .._api.errors import InvalidInput
from .._api.tls import Identity
from .configuration import Configuration, Entry
from .image_server import image_server_address, image_server_url
from .keys import ClientKey
from .meeting import Known, Meeting, certificate_of, meet
from .outcome import Outcome
from .place import Place, find, place_for_image_server, place_for_server, refuse_builtin, store
from .resolve import DAEMON_PROTOCOLS
from .standing import Standing, merged
from .trust import check_means, trust
from .wanted import SIMPLESTREAMS, Options, Wanted, server_url, understand

_DEFAULT_PROJECT = "default"


def ensure_present(options: Options, environment: Mapping[str, str], *, check: bool) -> Outcome:
    """Bring the remote to where the user wants it; in check mode only say how, though the server is asked then, too.

    What cannot be taken back comes in an order that a second run can go on from: the client's key is there before it is
    trusted, trust is there before the configuration tells of it. Raises FlotillaError.
    """
    configurations, place = find(options.name, options.client_config, environment)
    reference = place
    if place is None and len(configurations) == 1:
        # Nothing to choose: where it will go can be said, and refused, before the server is met.
        reference = refuse_builtin(Place(options.name, configurations[0]))
    if place is not None:
        options = _completed(options, place.entry_or_empty())
    wanted = understand(options)
    if options.protocol == SIMPLESTREAMS:
        place = place or place_for_image_server(options.name, configurations)
        return _ensure_image_server(wanted, place, environment, check=check)
    if options.protocol not in (None, *DAEMON_PROTOCOLS):
        raise InvalidInput(f"remote {options.name}: a remote with protocol {options.protocol} cannot be managed here")
    meeting = _meet(wanted, reference)
    kind = meeting.server.kind
    if options.protocol not in (None, kind.protocol):
        raise InvalidInput(f"remote {options.name}: the server is {kind.title}, it does not speak {options.protocol}")
    place = place or place_for_server(options.name, configurations, kind)
    return _Server(wanted, place, meeting, environment).ensure(check=check)


def _completed(options: Options, entry: Entry) -> Options:
    """What was not said and decides over what else can be, as the entry has it."""
    return replace(
        options,
        protocol=options.protocol or entry.protocol,
        public=True if options.public is None and entry.public else options.public,
    )


@dataclass(frozen=True)
class _Server:
    """An LXD or Incus server whose certificate has been checked, and the place its entry has or gets."""

    wanted: Wanted
    place: Place
    meeting: Meeting
    environment: Mapping[str, str]

    def ensure(self, *, check: bool) -> Outcome:
        before = self._before()
        if before.trusted is False:
            options = self.wanted.options
            check_means(options.name, self.meeting.server.kind, self.wanted.token, options.password)
        _refuse_inherited(self.place, before, self._after(before, asking=False))
        if not check:
            self._become_trusted(before)
        after = self._after(before, asking=not check or before.trusted is not False)
        return _finish(self.place, before, after, self.meeting.certificate, self.environment, check=check)

    @property
    def public(self) -> bool:
        return bool(self.wanted.options.public)

    @property
    def key(self) -> ClientKey:
        return ClientKey(*self.place.entry_or_empty().client_files())

    def _client(self) -> Client:
        """The server as this client talks to it from now on."""
        if self.meeting.by_socket:
            return self.meeting.stranger(self.wanted.name)
        return self.meeting.client(self.wanted.name, self.key.certificate, self.key.key)

    def _before(self) -> Standing:
        standing = self.place.standing()
        if self.public or self.meeting.by_socket:
            return standing
        there = self.key.exists
        return replace(standing, client_key=there, trusted=there and self._client().server.trusted)

    def _become_trusted(self, before: Standing) -> None:
        if before.trusted is not False:
            return
        self.key.make()
        options = self.wanted.options
        trust(self._client(), self.wanted.token, options.password, options.client_name)

    def _after(self, before: Standing, *, asking: bool) -> Standing:
        private = before.trusted is not None
        certificate = self.meeting.certificate
        return Standing(
            content=merged(before.content, self._content(asking), self.meeting.server.kind.protocol),
            fingerprint=tls.fingerprint(certificate) if certificate else None,
            default=before.default or self.wanted.options.default,
            trusted=True if private else None,
            client_key=private,
        )

    def _content(self, asking: bool) -> dict[str, Any]:
        """The keys of the entry that are to be so, in the order in which the commands write them."""
        entry = self.place.entry
        content: dict[str, Any] = {}
        if entry is None or self.meeting.url not in entry.addresses:
            content["addr"] = self.meeting.url
        content["auth_type"] = None if self.public else "tls"
        if self.public:
            content["project"] = None
        elif self.wanted.options.project or entry is None or entry.public:
            content["project"] = self._project() if asking else self.wanted.options.project
        content["protocol"] = self.meeting.server.kind.protocol
        content["public"] = self.public
        return content

    def _project(self) -> str | None:
        """The project wanted, which has to be there. None said: the only one, if this client may not use the default.

        As the commands choose it, except that nobody can be asked.
        """
        options, entry = self.wanted.options, self.place.entry
        if options.project and entry is not None and entry.project == options.project:
            return options.project
        client = self._client()
        if options.project:
            doing = f"look for project {options.project}"
            if client.find(path("projects", options.project), doing=doing) is None:
                raise InvalidInput(f"remote {options.name}: the server has no project {options.project}")
            return options.project
        urls = client.get(path("projects"), doing="list the projects").metadata or []
        names = [str(url).rsplit("/", 1)[-1] for url in urls]
        if not names or _DEFAULT_PROJECT in names:
            return None
        if len(names) > 1:
            raise InvalidInput(
                f"remote {options.name}: this client may use the projects {', '.join(names)}: choose by project"
            )
        return names[0]


def _meet(wanted: Wanted, place: Place | None) -> Meeting:
    """Meet the server. place: where the remote is or will be, if that can be said yet."""
    options, entry = wanted.options, place.entry if place else None
    if options.addr:
        urls = [server_url(options.name, options.addr)]
    elif entry is not None:
        urls = entry.addresses
    elif wanted.token is not None:
        urls = [server_url(options.name, address) for address in wanted.token.addresses]
    else:
        raise InvalidInput(f"remote {options.name} is not there yet: give addr, or a trust token, which has it in it")
    known = Known(
        expected=wanted.expected,
        pinned=entry.server_certificate() if entry else None,
        pinned_fingerprint=entry.server_fingerprint() if entry else None,
        ca_file=place.entry_or_empty().authority_file() if place else None,
    )
    return meet(options.name, urls, known)


def _ensure_image_server(wanted: Wanted, place: Place, environment: Mapping[str, str], *, check: bool) -> Outcome:
    """Nothing is asked of an image server, except for its certificate if the user gave one to expect."""
    options, entry = wanted.options, place.entry
    addr = options.addr or (entry.address if entry else None)
    if addr is None:
        raise InvalidInput(f"remote {options.name} is not there yet: give addr")
    url = image_server_url(options.name, addr)
    before = place.standing()
    certificate = entry.server_certificate() if entry else None
    if wanted.expected:
        address, _path = image_server_address(url, Identity())
        certificate = certificate_of(options.name, address, Known(wanted.expected, certificate, before.fingerprint))
    content = {"addr": url, "auth_type": None, "project": None, "protocol": SIMPLESTREAMS, "public": True}
    after = Standing(
        content=merged(before.content, content, place.configuration.command.kind.protocol),
        fingerprint=tls.fingerprint(certificate) if certificate else None,
        default=before.default or options.default,
    )
    _refuse_inherited(place, before, after)
    return _finish(place, before, after, certificate, environment, check=check)


def _refuse_inherited(place: Place, before: Standing, after: Standing) -> None:
    if place.inherited and (before.content, before.fingerprint) != (after.content, after.fingerprint):
        raise InvalidInput(
            f"remote {place.name} is in the configuration of the whole machine, in {place.configuration.machine_directory}:"
            " change it there, or choose another name"
        )


def _finish(
    place: Place,
    before: Standing,
    after: Standing,
    certificate: str | None,
    environment: Mapping[str, str],
    *,
    check: bool,
) -> Outcome:
    """Write what is to be written, and read it back."""
    written = (before.content, before.fingerprint, before.default) != (after.content, after.fingerprint, after.default)
    now = after
    if written and not check:
        store(place, after, certificate, environment)
        fresh = Configuration.load(place.configuration.command, environment)
        now = Place(place.name, fresh).standing()
    return Outcome(before, after, place.configuration.command.name, place.name, now)
