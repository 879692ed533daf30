# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of all remotes as hosts."""

from __future__ import annotations

DOCUMENTATION = r"""
name: containers
short_description: Containers of LXD and Incus servers, and of classic LXC, as hosts
version_added: 0.1.0
author:
  - The flotilla.lxd developers (@flotilla-lxd)
description:
  - Makes a host of every container, and of every virtual machine, of any number of remotes, be they LXD or Incus.
  - The connection variables are set, ready for P(flotilla.lxd.exec#connection), so that nothing needs to be installed,
    listening or even configured in the container.
  - One request is sent for each remote and project, to all remotes at the same time, and a second one for the addresses
    where a container is not stopped (O(addresses)).
  - The file's name is C(containers.yml) or C(containers.yaml), or ends in C(.containers.yml) or C(.containers.yaml), as in
    C(production.containers.yml). Ansible passes a file of another name by, with a warning only.
extends_documentation_fragment:
  - constructed
  - inventory_cache
  - flotilla.lxd.client_config
options:
  plugin:
    description: Says that this file is for this plugin.
    type: str
    required: true
    choices: [flotilla.lxd.containers]
  remotes:
    description:
      - The servers to list. An element is the name of a remote, as C(lxc remote list) or C(incus remote list) show
        it, or a map with that C(name) and any of C(projects), C(on_error) and C(client_config), which mean for this
        remote what the options of these names mean for all.
      - A server that is in no client configuration is a map with a C(name) of your choice, its C(url)
        (C(https://host:8443) or C(unix:///path/to/unix.socket)), and C(client_cert), C(client_key) and C(server_cert)
        as in the modules. Relative paths start at the inventory file.
      - Classic LXC on the controller is a map with a C(name) of your choice and the C(url) C(lxc:), or
        C(lxc:///path) with another directory of containers than the usual one. It is listed only where it is named.
      - None named means every LXD and Incus server in the client configuration, and V(local) if a daemon's socket is on
        this host. Image servers are not asked. A server that has two names there is listed by both.
    type: list
    elements: raw
    default: []
  projects:
    description:
      - The projects to list, where a remote does not name its own. V(all) alone is every project that the server
        shows to this client.
      - None named means the project that the client configuration has for the remote, or else the server's default.
    type: list
    elements: str
    default: []
  states:
    description:
      - Only containers in one of these states. One that is ready is running.
      - None named means all, stopped ones included.
    type: list
    elements: str
    choices: [running, stopped, frozen, error]
    default: []
  types:
    description: Only instances of these types. None named means both.
    type: list
    elements: str
    choices: [container, virtual-machine]
    default: []
  names:
    description: Only containers whose own name matches one of these shell patterns. None named means all.
    type: list
    elements: str
    default: []
  filters:
    description:
      - Only containers for which all of these Jinja conditions are true. They see the variables below.
      - A condition that cannot be evaluated is an error with O(strict=true), and otherwise not true.
    type: list
    elements: str
    default: []
  hostnames:
    description: What the hosts are called.
    type: str
    choices:
      auto:
        A container's own name, if no other that the remotes list has it, selected or not. Otherwise each of that name
        is C(name.remote), and where that is still alike, because it is in several projects, C(name.project.remote).
      full: Always C(name.project.remote), so that a container made elsewhere never renames a host.
    default: auto
  connection:
    description: How Ansible reaches the hosts.
    type: str
    choices:
      exec:
        By P(flotilla.lxd.exec#connection), through the server. The variables C(ansible_flotilla_remote),
        C(ansible_flotilla_project) and C(ansible_flotilla_container) say to where.
      ssh:
        By SSH to the first of its global IPv4 addresses, or else of its global IPv6 addresses, those of its own NIC
        devices first. A container without any is unreachable.
    default: exec
  addresses:
    description:
      - Whether to ask for the containers' addresses.
      - Without them the server has nothing to look up in the containers and answers several times faster. The variable
        C(flotilla_addresses) is then not there.
    type: bool
    default: true
  group_by:
    description:
      - The groups to make. A group's name is this word, an underscore and the value, with what Ansible does not allow
        in the name of a group replaced by underscores, as in C(remote_lxd_a), C(status_running),
        C(type_virtual_machine), C(os_debian).
      - Status, type, os and release are put in lower case. There is no location on a server that is no cluster member.
      - V([]) makes none.
    type: list
    elements: str
    choices: [remote, project, status, type, profile, os, release, location]
    default: [remote, project, status, type, profile, os, release, location]
  on_error:
    description: What happens when a remote fails, where it does not say itself.
    type: str
    choices:
      fail: Ansible stops with an error. No play runs with part of the fleet unnoticed.
      warn: A warning. The remote's containers are not in the inventory.
      cache:
        A warning, and the remote's last answer from the cache, however old. Ansible stops if there is none. This needs
        O(cache=true) with a O(cache_plugin) that keeps things from run to run, as V(ansible.builtin.jsonfile) does.
    default: fail
  timeout:
    description: How many seconds a server may take to answer a request.
    type: int
    default: 60
notes:
  - >-
    Every host has these variables, taken from the server and never templated: C(flotilla_name), C(flotilla_remote),
    C(flotilla_project), C(flotilla_type) (V(container) or V(virtual-machine)), C(flotilla_status) (as V(Running)),
    C(flotilla_architecture), C(flotilla_location) (the cluster member, or V(none)), C(flotilla_description),
    C(flotilla_created_at), C(flotilla_ephemeral), C(flotilla_profiles), C(flotilla_image), C(flotilla_config),
    C(flotilla_devices), C(flotilla_addresses). The last of the examples shows them all.
  - C(ansible-inventory --list) shows text that is not to be templated as a map with the key C(__ansible_unsafe), for
    programs that know it. C(--yaml) is for people.
  - A container of classic LXC has the variable C(flotilla_kind), which is V(lxc), and of these C(flotilla_name),
    C(flotilla_remote), C(flotilla_type), C(flotilla_status), C(flotilla_architecture) where its configuration says it,
    C(flotilla_ephemeral), C(flotilla_config), which are LXC's own keys with lists of what may be said more than once, and
    C(flotilla_addresses). It is in no group of a project, profile, os, release or location. Listing it takes the Python
    library C(lxc) on the controller, and the right to read the directory of containers. One whose configuration LXC does not
    take has the status V(Error), and a warning says why.
  - C(flotilla_config) and C(flotilla_devices) have what the profiles add. Of the config, C(image.*) is in
    C(flotilla_image), with the image's C(fingerprint), and C(volatile.*) is left out.
  - C(flotilla_addresses) leaves out the loopback interface and link-local addresses. NIC devices come before interfaces
    that something inside has made, such as C(docker0).
  - A container named C(localhost), C(all) or C(ungrouped) is always called C(name.remote) or more, as plays mean
    something else by these. C(ansible_connection) is set for every host, so that none ever runs its tasks on the
    controller.
  - Where O(on_error) says to stop, and when the file has a mistake, Ansible ends at once with one error and exit code
    4, as for a playbook that it cannot parse. For inventories its own way is a warning, no hosts and exit code 0. A
    file that is not even YAML, or whose name ends otherwise, never reaches this plugin. Setting
    C(any_unparsed_is_failed) in the section C([inventory]) of C(ansible.cfg) covers these cases too.
  - With O(cache=true) each remote's answer is as good as new for O(cache_timeout) seconds. To ask every time, and yet
    have an answer for O(on_error=cache), set O(cache_timeout=1).
seealso:
  - plugin: flotilla.lxd.exec
    plugin_type: connection
"""

EXAMPLES = r"""
# Every container on every server that the lxc and incus commands on this machine know.
---
plugin: flotilla.lxd.containers

# What runs on two servers, one of them with all its projects, the other one possibly away.
---
plugin: flotilla.lxd.containers
remotes:
  - name: lxd-a
    projects: all
  - name: incus-a
    on_error: warn
states: [running]

# A server in no client configuration; host names that never change; no state asked for.
---
plugin: flotilla.lxd.containers
remotes:
  - name: berlin
    url: https://192.0.2.10:8443
    client_cert: keys/client.crt
    client_key: keys/client.key
    server_cert: keys/berlin.crt
    projects: [shop, blog]
hostnames: full
addresses: false

# A server, and the classic containers of this host.
---
plugin: flotilla.lxd.containers
remotes:
  - lxd-a
  - name: classic
    url: "lxc:"

# Groups by a config key and by network interface, variables of one's own, some containers only.
---
plugin: flotilla.lxd.containers
names: ["web*", "db*"]
filters:
  - not flotilla_ephemeral
  - "'monitoring' in flotilla_profiles"
group_by: [remote]
keyed_groups:
  - key: flotilla_config['user.role'] | default('none')
    prefix: role
groups:
  privileged: flotilla_config['security.privileged'] | default('false') == 'true'
compose:
  first_address: flotilla_addresses.ipv4 | first
strict: false

# SSH instead of exec, the last answer for a server that is down.
---
plugin: flotilla.lxd.containers
remotes: [lxd-a, lxd-b]
connection: ssh
on_error: cache
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/ansible-inventory
cache_timeout: 1

# A host's variables, as `ansible-inventory -i containers.yml --host web1 --yaml` shows them:
#
#   ansible_connection: flotilla.lxd.exec
#   ansible_flotilla_container: web1
#   ansible_flotilla_project: default
#   ansible_flotilla_remote: lxd-a
#   flotilla_addresses:
#     interfaces:
#       eth0: {ipv4: [10.97.1.201], ipv6: [], mac: "00:16:3e:06:0d:03"}
#     ipv4: [10.97.1.201]
#     ipv6: []
#   flotilla_architecture: x86_64
#   flotilla_config: {limits.memory: 1GiB, user.role: web}
#   flotilla_created_at: "2026-11-23T12:29:05.749041602Z"
#   flotilla_description: the shop's front
#   flotilla_devices:
#     eth0: {name: eth0, network: lxdbr0, type: nic}
#     root: {path: /, pool: default, type: disk}
#   flotilla_ephemeral: false
#   flotilla_image:
#     architecture: amd64
#     description: Debian 12 amd64
#     fingerprint: 9ef40da597c6aad2db1c5dea7509d5b33873e4d14aa9820602e631e706b49475
#     os: Debian
#     release: bookworm
#     variant: default
#   flotilla_location: none
#   flotilla_name: web1
#   flotilla_profiles: [default]
#   flotilla_project: default
#   flotilla_remote: lxd-a
#   flotilla_status: Running
#   flotilla_type: container
"""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from ansible.errors import AnsibleError, AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable, get_cache_plugin
from ansible.utils.display import Display

from ..module_utils._api.errors import InvalidInput
from ..plugin_utils._inventory import variables
from ..plugin_utils._inventory.answers import collect
from ..plugin_utils._inventory.container import Container
from ..plugin_utils._inventory.keep import Keep
from ..plugin_utils._inventory.listing import list_instances
from ..plugin_utils._inventory.names import host_names
from ..plugin_utils._inventory.options import check
from ..plugin_utils._inventory.selection import Selection
from ..plugin_utils._inventory.sources import Defaults, Source, read_sources
from ..plugin_utils._inventory.templating import holds, never_templated

# The exit code of ansible-playbook and ansible-inventory for a file they cannot parse.
_PARSER_ERROR = 4


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    NAME = "flotilla.lxd.containers"

    def verify_file(self, path: str) -> bool:
        file = os.path.basename(path)
        ours = file in ("containers.yml", "containers.yaml") or file.endswith((".containers.yml", ".containers.yaml"))
        return ours and super().verify_file(path)

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        content = loader.load_from_file(path, cache="none")
        if not isinstance(content, dict) or content.get("plugin") != self.NAME:
            raise AnsibleParserError(f"{path} is not for {self.NAME}")
        with _stopping_at_errors(path):
            check(content, self.option_definitions)
            self._read_config_data(path)
            self._populate(path, cache)

    def _populate(self, path: str, cache: bool) -> None:
        sources = self._sources(path)
        ask = partial(list_instances, addresses=self._with_addresses(), timeout=self.get_option("timeout"))
        listed = collect(sources, ask, self._keep(path, sources, cache), warn=self.display.warning)
        found = [(source, Container.parse(source.name, content)) for source, contents in listed for content in contents]
        for content in (content for _source, contents in listed for content in contents if "error" in content):
            self.display.warning(content["error"])
        names = host_names([one for _remote, one in found], full=self.get_option("hostnames") == "full")
        selection = Selection(*(self.get_option(option) for option in ("states", "types", "names")))

        members: dict[str, list[str]] = {}
        if "remote" in self.get_option("group_by"):
            # Also of a remote that has no container yet: a play for it is then no play for an unknown group.
            members = {f"remote_{source.name}": [] for source in sources}
        for name, (source, one) in zip(names, found, strict=True):
            if selection.takes(one) and self._add(name, source, one):
                for group in variables.groups(one, self.get_option("group_by")):
                    members.setdefault(group, []).append(name)
        for group, hosts in members.items():
            group = self.inventory.add_group(self._sanitize_group_name(group))
            for host in hosts:
                self.inventory.add_child(group, host)

    def _sources(self, path: str) -> list[Source]:
        defaults = Defaults(
            directory=os.path.dirname(os.path.abspath(path)),
            projects=tuple(self.get_option("projects")),
            on_error=self.get_option("on_error"),
            client_config=self.get_option("client_config"),
        )
        return read_sources(self.get_option("remotes"), defaults, os.environ)

    def _with_addresses(self) -> bool:
        wanted = bool(self.get_option("addresses"))
        if not wanted and self.get_option("connection") == "ssh":
            raise InvalidInput("connection: ssh needs the addresses that addresses: false leaves out")
        return wanted

    def _keep(self, path: str, sources: list[Source], reading: bool) -> Keep:
        """Ansible's cache as the store of answers; without caching, one that is forgotten with this run."""
        persistent = False
        store: Any = {}
        if self.get_option("cache"):
            # 0 is for ever: how old an answer may be depends on what it is needed for.
            options = {"_uri": self.get_option("cache_connection"), "_prefix": self.get_option("cache_prefix")}
            given = {key: value for key, value in options.items() if value is not None}
            store = self._cache = get_cache_plugin(self.get_option("cache_plugin"), **given, _timeout=0)
            persistent = self.get_option("cache_plugin") not in ("memory", "ansible.builtin.memory")
        needing = [source.name for source in sources if source.on_error == "cache"]
        if needing and not persistent:
            raise InvalidInput(
                f"remote {needing[0]}: on_error: cache needs cache: true and a cache_plugin that keeps answers from run"
                " to run, such as ansible.builtin.jsonfile with its cache_connection"
            )
        prefix = f"{self.get_cache_key(path)}_{'state' if self._with_addresses() else 'plain'}"
        return Keep(store, prefix, seconds=self.get_option("cache_timeout"), reading=reading)

    def _add(self, host: str, source: Source, one: Container) -> bool:
        """Make it a host, unless the user's filters are against it."""
        how = self.get_option("connection")
        values = never_templated({**variables.connection(source, one, how), **variables.facts(one)})
        strict = self.get_option("strict")
        if not self._wanted(host, values, strict):
            return False
        self.inventory.add_host(host)
        for key, value in values.items():
            self.inventory.set_variable(host, key, value)
        self._set_composite_vars(self.get_option("compose"), values, host, strict)
        self._add_host_to_composed_groups(self.get_option("groups"), values, host, strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), values, host, strict)
        return True

    def _wanted(self, host: str, values: dict[str, Any], strict: bool) -> bool:
        for condition in self.get_option("filters"):
            try:
                if not holds(self.templar, condition, values):
                    return False
            except AnsibleError as error:
                if strict:
                    raise AnsibleParserError(f"filters: {condition!r} for host {host}: {error}") from error
                return False
        return True


@contextmanager
def _stopping_at_errors(path: str) -> Iterator[None]:
    """Ends Ansible at an error in here, as it ends itself at what it cannot parse.

    Whatever else a plugin raises Ansible catches, warns, and goes on with no hosts to exit code 0. With a fleet out of
    sight there is nothing to go on to.
    """
    try:
        yield
    except Exception as error:
        Display().vvv(traceback.format_exc())
        Display().error(f"{path}: {error}")
        raise SystemExit(_PARSER_ERROR) from error
