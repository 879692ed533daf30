# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which server is meant."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  remote:
    description:
      - The server, by the name it has in the client configuration of the C(lxc) or the C(incus) command on the host that
        runs the task. Whoever can say C(lxc list foo:) can say O(remote=foo).
      - V(local) is the daemon of that host, through its socket, whichever of the two it is.
      - If it is left out, the commands' own default remote is meant. With O(url) this is only a name for messages.
    type: str
  project:
    description:
      - The project on the server. If it is left out, the one that the client configuration names for the remote, and
        otherwise the server's default.
    type: str
  url:
    description:
      - Address of the server, C(https://host:8443) or C(unix:///path/to/unix.socket), for use with no client
        configuration at all.
      - C(lxc:) is no server, but classic LXC on the host that runs the task, and C(lxc:///path) the same with another
        directory of containers than the usual one (C(lxcpath)). Only M(flotilla.lxd.container_info) and
        M(flotilla.lxd.migrate) work with that.
    type: str
  client_cert:
    description: With O(url), path of the client's certificate (PEM).
    type: path
  client_key:
    description: With O(url), path of the client's key (PEM).
    type: path
  server_cert:
    description:
      - With O(url), the server's certificate, as PEM text or as the path of a file. No other is then accepted.
      - If it is left out, the server's certificate has to be one that the system's authorities vouch for. Checking
        cannot be switched off.
    type: str
attributes:
  action_group:
    description: Use C(group/flotilla.lxd.all) in C(module_defaults) to say once for all modules which server is meant.
    support: full
    membership: [flotilla.lxd.all]
"""
