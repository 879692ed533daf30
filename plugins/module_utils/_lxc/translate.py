# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A classic container's configuration in the words of LXD and Incus, key by key. Pure.

Source: lxc.container.conf(5); doc/reference/instance_options and doc/reference/devices of LXD and of Incus; what both tell
LXC by themselves, in lxd/instance/drivers/driver_lxc.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from .configuration import INCLUDE, Entry
from .draft import Draft
from .host import architecture_of
from .idmap import IdMap
from .translate_limits import LIMITS
from .translate_mounts import mount
from .translate_nics import nics

# Dropped by the servers for every privileged container; what an unprivileged one does with them harms nobody.
_DROPPED_ANYWAY = {"mac_admin", "mac_override", "sys_module", "sys_rawio", "sys_time"}
_MOUNTED_ANYWAY = ("proc", "sys", "cgroup", "cgroup-full")
_NESTING = "/usr/share/lxc/config/nesting.conf"
# Of AppArmor, as LXC calls what every container gets without being asked.
_USUAL_PROFILES = ("generated", "unchanged", "lxc-container-default", "lxc-container-default-cgns")
_NESTING_PROFILE = "lxc-container-default-with-nesting"
_NIC = re.compile(r"lxc\.net\.(\d+)(?:\.(.+))?")

Rule = Callable[[Draft, Entry], None]


def translate(name: str, entries: Sequence[Entry], rootfs: str) -> Draft:
    """What the new container is to be. name: the new one's; entries: as read; rootfs: path of the root file system.

    Nothing is silently left out but what the servers do for every container: Draft.lost has the rest.
    """
    draft = Draft(name, rootfs)
    own = [entry for entry in entries if not entry.shipped]
    nic_lines: dict[int, dict[str, list[Entry]]] = {}
    for entry in own:
        nic = _NIC.fullmatch(entry.key)
        if nic:
            if nic[2]:
                nic_lines.setdefault(int(nic[1]), {}).setdefault(nic[2], []).append(entry)
            continue
        rule = next((rule for pattern, rule in _RULES if pattern.fullmatch(entry.key)), _nothing_like_it)
        rule(draft, entry)
    nics(draft, nic_lines)
    _identity(draft, entries)
    if draft.raw:
        draft.config["raw.lxc"] = "\n".join(draft.raw)
    return draft


def _identity(draft: Draft, entries: Sequence[Entry]) -> None:
    draft.architecture = architecture_of(entries) or ""
    ids = IdMap.parse(entries)
    draft.config["security.privileged"] = "true" if ids.is_empty else "false"
    shared = ids.shared()
    if shared:
        draft.config["raw.idmap"] = "\n".join(shared)


def _same_anyway(draft: Draft, entry: Entry) -> None:
    """The servers do it for every container, or it is LXC's own affair."""


def _nothing_like_it(draft: Draft, entry: Entry) -> None:
    draft.lose(entry)


def _as_it_is(draft: Draft, entry: Entry) -> None:
    draft.keep_raw(entry)


def _unless(value: str, rule: Rule) -> Rule:
    """The rule, for any other value than this."""
    return lambda draft, entry: None if entry.value == value else rule(draft, entry)


def _key(name: str, values: Mapping[str, str] | None = None) -> Rule:
    """Another name for the same; values: other words for its values, where there are such."""

    def rule(draft: Draft, entry: Entry) -> None:
        if values is not None and entry.value not in values:
            draft.lose(entry, "this value is unknown")
        else:
            draft.config[name] = values[entry.value] if values else entry.value

    return rule


def _renamed(before: str, after: str) -> Rule:
    """Keys that go on the same after their first part."""

    def rule(draft: Draft, entry: Entry) -> None:
        draft.config[after + entry.key[len(before) :]] = entry.value

    return rule


def _include(draft: Draft, entry: Entry) -> None:
    if entry.value == _NESTING:
        draft.config["security.nesting"] = "true"


def _automatic_mounts(draft: Draft, entry: Entry) -> None:
    others = [each for each in entry.value.split() if each.partition(":")[0] not in _MOUNTED_ANYWAY]
    if others:
        draft.lose(entry)


def _hostname(draft: Draft, entry: Entry) -> None:
    if entry.value != draft.name:
        draft.notes.append(f"its host name becomes {draft.name} ({entry.where} says {entry.value})")


def _start_order(draft: Draft, entry: Entry) -> None:
    """LXC starts the lowest first, the servers the highest."""
    try:
        draft.config["boot.autostart.priority"] = str(-int(entry.value))
    except ValueError:
        draft.lose(entry, "it is no number")


def _group(draft: Draft, entry: Entry) -> None:
    draft.notes.append(f"it is in no group for lxc-autostart any more ({entry.where} says {entry.value})")


def _environment(draft: Draft, entry: Entry) -> None:
    key, equals, value = entry.value.partition("=")
    if equals:
        draft.config[f"environment.{key}"] = value
    else:
        draft.lose(entry, "a variable can have only a value that is written down")


def _dropped(draft: Draft, entry: Entry) -> None:
    more = [name for name in entry.value.split() if name not in _DROPPED_ANYWAY]
    if more:
        draft.raw.append(f"{entry.key} = {' '.join(more)}")


def _apparmor_profile(draft: Draft, entry: Entry) -> None:
    if entry.value == _NESTING_PROFILE:
        draft.config["security.nesting"] = "true"
    elif entry.value not in _USUAL_PROFILES:
        draft.keep_raw(entry)
        if entry.value != "unconfined":
            draft.notes.append(f"the server's host needs the AppArmor profile {entry.value} ({entry.where})")


def _apparmor_lines(draft: Draft, entry: Entry) -> None:
    before = draft.config.get("raw.apparmor")
    draft.config["raw.apparmor"] = f"{before}\n{entry.value}" if before else entry.value


def _nesting(draft: Draft, entry: Entry) -> None:
    if entry.value == "1":
        draft.config["security.nesting"] = "true"


def _ephemeral(draft: Draft, entry: Entry) -> None:
    draft.ephemeral = entry.value == "1"


def _rootfs_options(draft: Draft, entry: Entry) -> None:
    others = [option for option in entry.value.split(",") if not option.startswith("idmap=") and option != "rw"]
    if others:
        draft.lose(entry, "the storage pool decides how a root file system is mounted")


def _rules(table: Iterable[tuple[str, Rule]]) -> tuple[tuple[re.Pattern[str], Rule], ...]:
    return tuple((re.compile(pattern), rule) for pattern, rule in table)


_TRUTH = {"0": "false", "1": "true"}
# The first that fits the whole key is the one.
_RULES = _rules(
    (
        (re.escape(INCLUDE), _include),
        (r"lxc\.uts\.name", _hostname),
        (r"lxc\.(arch|idmap)", _same_anyway),  # looked at for all of them together
        (r"lxc\.mount\.entry", mount),
        (r"lxc\.mount\.auto", _automatic_mounts),
        (r"lxc\.autodev", _unless("1", _nothing_like_it)),
        (r"lxc\.rootfs\.options", _rootfs_options),
        (r"lxc\.rootfs\..+", _same_anyway),
        (r"lxc\.(log|console)\..+", _same_anyway),
        (r"lxc\.tty\.dir", _same_anyway),
        (r"lxc\.(keyring\.session|monitor\..+|hook\.clone|cgroup\.(dir|relative)(\..+)?)", _same_anyway),
        (r"lxc\.ephemeral", _ephemeral),
        (r"lxc\.environment", _environment),
        (r"lxc\.start\.auto", _key("boot.autostart", _TRUTH)),
        (r"lxc\.start\.delay", _key("boot.autostart.delay")),
        (r"lxc\.start\.order", _start_order),
        (r"lxc\.group", _group),
        (r"lxc\.cap\.drop", _dropped),
        (r"lxc\.apparmor\.profile", _apparmor_profile),
        (r"lxc\.apparmor\.allow_nesting", _nesting),
        (r"lxc\.apparmor\.allow_incomplete", _unless("0", _as_it_is)),
        (r"lxc\.apparmor\.raw", _apparmor_lines),
        (r"lxc\.seccomp\.profile", _unless("/usr/share/lxc/config/common.seccomp", _nothing_like_it)),
        (r"lxc\.no_new_privs", _unless("0", _as_it_is)),
        *LIMITS,
        (r"lxc\.prlimit\..+", _renamed("lxc.prlimit", "limits.kernel")),
        (r"lxc\.sysctl\..+", _renamed("lxc.sysctl", "linux.sysctl")),
        (r"lxc\.(signal\.(halt|reboot|stop)|pty\.max|tty\.max|init\.(cmd|uid|gid|cwd)|proc\..+)", _as_it_is),
    )
)
