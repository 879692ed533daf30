# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks run in a container: through the exec API of LXD and Incus, or attached to one of classic LXC."""

from __future__ import annotations

DOCUMENTATION = r"""
name: exec
short_description: Run tasks in containers of LXD, Incus and classic LXC
version_added: 0.1.0
author: The flotilla.lxd developers (@flotilla-lxd)
description:
  - Runs a play's tasks inside containers, on this host or any other, without SSH in them and without the C(lxc) or the
    C(incus) command here. The daemons' own API carries the commands, their input and output, and the files.
  - Containers of classic LXC on the controller are reached as well, by O(url=lxc:). Files are then read and written by
    commands in the container, as the user, and so only while it runs.
  - A host is a container. Which one it is says, in this order, the variable C(ansible_flotilla_container), C(ansible_host)
    unless it is an IP address, and the name of the host itself.
  - A name may have its remote in front, as for the commands. C(foo:c1) is the container C(c1) on the remote C(foo), and
    that goes before O(remote). In a pattern, as of C(--limit), a colon means something else, so where hosts are to be named
    there, they are better called C(c1) and have the variable C(ansible_flotilla_remote).
  - Containers without Python are managed with M(ansible.builtin.raw) and M(ansible.builtin.script).
  - A container that is not there or does not run, a certificate that is refused and a daemon that does not answer make the
    host unreachable, with a message that says which of them it is. Nothing that a command prints does.
requirements:
  - "websockets >= 11.0.3 (Python library, on the controller), for containers of servers"
  - "lxc (Python library, on the controller; Debian has it as python3-lxc, for the system's Python only), and the right to
    attach to the containers, which is root's as a rule, for those of classic LXC"
notes:
  - Pipelining (E(ANSIBLE_PIPELINING), the variable C(ansible_pipelining)) makes a task one command instead of several, and
    is as safe here as without.
  - A command that is given up, by O(command_timeout) or because Ansible is interrupted, is killed; what it has started
    itself may go on. It is never run a second time.
  - Become methods that ask for the password at a terminal, like P(ansible.builtin.su#become), get one, which makes one
    stream of a command's output and its errors. A password that is wrong or missing fails the task.
  - Commands and names of files have to be text in UTF-8, as the API speaks JSON.
options:
  container:
    description:
      - The container, by its name, or by remote and name as in V(foo:c1).
      - If it is left out, O(address) says it, and otherwise the name of the host.
    type: str
    vars:
      - name: ansible_flotilla_container
  address:
    description:
      - The container's name where it differs from the host's. An IP address here is passed over, as it says nothing about
        which container it belongs to.
    type: str
    vars:
      - name: ansible_host
  host:
    description: The name of the host, which is that of the container where nothing else says it.
    type: str
    vars:
      - name: inventory_hostname
  remote:
    description:
      - The server, by the name it has in the client configuration of the C(lxc) or the C(incus) command on the controller.
      - V(local) is the daemon of the controller, through its socket, whichever of the two it is.
      - If it is left out, the commands' own default remote is meant. With O(url) this is only a name for messages.
    type: str
    vars:
      - name: ansible_flotilla_remote
  client_config:
    description: Which command's client configuration is read for the remotes.
    type: str
    choices:
      auto: Both. A name that means different servers in the two is refused.
      lxc: That of C(lxc), from E(LXD_CONF), C(~/.config/lxc) or the snap's directory.
      incus: That of C(incus), from E(INCUS_CONF) or C(~/.config/incus).
    default: auto
    vars:
      - name: ansible_flotilla_client_config
  project:
    description:
      - The project of the container. If it is left out, the one that the client configuration names for the remote, and
        otherwise the server's default.
    type: str
    vars:
      - name: ansible_flotilla_project
  url:
    description:
      - Address of the server, C(https://host:8443) or C(unix:///path/to/unix.socket), for use with no client
        configuration at all.
      - V(lxc:) is classic LXC on the controller, V(lxc:///path) the same with another directory of containers than the
        usual one (C(lxcpath)). O(project) and certificates do not go with that.
    type: str
    vars:
      - name: ansible_flotilla_url
  client_cert:
    description: With O(url), path of the client's certificate (PEM).
    type: path
    vars:
      - name: ansible_flotilla_client_cert
  client_key:
    description: With O(url), path of the client's key (PEM).
    type: path
    vars:
      - name: ansible_flotilla_client_key
  server_cert:
    description:
      - With O(url), the server's certificate, as PEM text or as the path of a file. No other is then accepted.
      - If it is left out, the server's certificate has to be one that the system's authorities vouch for. Checking
        cannot be switched off.
    type: str
    vars:
      - name: ansible_flotilla_server_cert
  remote_user:
    description:
      - The user of the container that commands run as and new files belong to, by name or number. What the container's own
        C(/etc/passwd) says is used for the primary group, the home directory, where commands start, and C(HOME), C(USER)
        and C(LOGNAME). Nothing needs to be installed for that, and no password is asked for.
      - The API knows of no supplementary groups.
    type: str
    default: root
    ini:
      - section: defaults
        key: remote_user
    env:
      - name: ANSIBLE_REMOTE_USER
    vars:
      - name: ansible_user
    keyword:
      - name: remote_user
    cli:
      - name: user
        option: --user
  executable:
    description: The shell in the container for a command that does not name one itself.
    type: str
    default: /bin/sh
    vars:
      - name: ansible_flotilla_executable
  timeout:
    description:
      - Seconds within which the server has to start a command, and then a become method to get to the command itself.
    type: int
    default: 10
    ini:
      - section: defaults
        key: timeout
    env:
      - name: ANSIBLE_TIMEOUT
    vars:
      - name: ansible_flotilla_timeout
    cli:
      - name: timeout
  command_timeout:
    description:
      - Seconds that one command may take; then it is killed and the task fails. V(0) is no limit.
      - The keyword C(timeout) of a task limits the task as a whole.
    type: int
    default: 0
    vars:
      - name: ansible_flotilla_command_timeout
  keep_compiled:
    description:
      - Whether modules that are pipelined keep their compiled Python code in the container, in
        C(.ansible/flotilla/compiled) in the home directory of the user they run as. The first run of a module writes it
        (under 1 MB for all of them), later ones take about a third less time in the container.
    type: bool
    default: true
    vars:
      - name: ansible_flotilla_keep_compiled
extends_documentation_fragment:
  - ansible.builtin.connection_pipelining
"""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ..module_utils._api.deadline import Deadline
from ..module_utils._api.errors import FlotillaError
from ..module_utils._remotes.resolve import Access
from ..plugin_utils._connection.compiled import keep_compiled
from ..plugin_utils._connection.dialogue import BecomeTask, CommandTimedOut, EscalationFailed, Task, TerminalTask
from ..plugin_utils._connection.local_files import MissingFile, TransferFailed
from ..plugin_utils._connection.reach import Reached, reach
from ..plugin_utils._connection.target import choose

display = Display()

ACCESS_OPTIONS = ("remote", "client_config", "project", "url", "client_cert", "client_key", "server_cert")
# The container was reached, and this is about what was to be done in it.
FAILURES = (CommandTimedOut, EscalationFailed, TransferFailed)
# Linux takes no word of a command that is longer, with the zero after it. Source: execve(2), MAX_ARG_STRLEN.
_LONGEST_WORD = 128 * 1024


class Connection(ConnectionBase):
    """One container."""

    transport = "flotilla.lxd.exec"
    has_pipelining = True
    has_tty = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._container: Reached | None = None
        self._delegate: str | None = None

    def set_options(self, task_keys: Any = None, var_options: Any = None, direct: Any = None) -> None:
        super().set_options(task_keys=task_keys, var_options=var_options, direct=direct)
        # A delegated task has the delegate's variables, all but the name of the host.
        self._delegate = (task_keys or {}).get("delegate_to")
        # Each item of a loop may mean another container.
        self.close()

    def exec_command(self, cmd: str, in_data: bytes | None = None, sudoable: bool = True) -> tuple[int, bytes, bytes]:
        """Run a shell command; return its exit code, stdout and stderr."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        _check_text(cmd)
        with self._telling() as container:
            display.vvv(f"EXEC {'(hidden by no_log)' if self._play_context.no_log else cmd}", host=self._shown)
            if in_data and self.get_option("keep_compiled"):
                in_data = keep_compiled(in_data)
            task = self._task(cmd, in_data, sudoable)
            ending = container.run(self._arguments(cmd), task)
        stdout, stderr = task.output, bytes(task.stderr)
        if ending.remark and not stdout and not stderr:
            # Where even the shell is missing, nobody is there to say so.
            stderr = ending.remark.encode() + b"\n"
        return ending.code, stdout, stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from the controller into the container."""
        super().put_file(in_path, out_path)
        _check_text(out_path)
        with self._telling() as container:
            display.vvv(f"PUT {in_path} TO {out_path}", host=self._shown)
            container.put(in_path, out_path)

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file from the container to the controller."""
        super().fetch_file(in_path, out_path)
        _check_text(in_path)
        with self._telling() as container:
            display.vvv(f"FETCH {in_path} TO {out_path}", host=self._shown)
            container.fetch(in_path, out_path)

    def reset(self) -> None:
        self.close()

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None
        self._connected = False

    def _connect(self) -> Connection:
        if self._container is None:
            with self._telling():
                name = choose(
                    self.get_option("container"), self.get_option("address"), self._delegate or self._host_name
                )
                access = Access(**{option: self.get_option(option) for option in ACCESS_OPTIONS})
                user = str(self.get_option("remote_user"))
                self._container = reach(name, access, user, self.get_option("timeout"))
                display.vvv(f"CONTAINER {self._container} FOR USER {user}", host=self._shown)
            self._connected = True
        return self

    @property
    def _host_name(self) -> str:
        return str(self.get_option("host") or self._play_context.remote_addr)

    @property
    def _shown(self) -> str:
        """What the lines of -vvv are marked with."""
        return str(self._container) if self._container else self._host_name

    def _task(self, cmd: str, in_data: bytes | None, sudoable: bool) -> Task:
        limit, seconds = self.get_option("command_timeout"), self.get_option("timeout")
        deadline = Deadline(limit) if limit > 0 else None
        become = self.become
        # The plugin may have been at work on another command of this task only.
        if not (sudoable and become and become.success and become.success in cmd):
            return Task(in_data, deadline)
        # It says that it needs a terminal, or it asks for the password in a way that rules out other input.
        # Before ansible-core 2.19 that was known of su alone, and by its name.
        pipelines = getattr(become, "pipelining", become.name != "su")
        terminal = become.require_tty or (become.expect_prompt() and not pipelines)
        return (TerminalTask if terminal else BecomeTask)(become, in_data, deadline, seconds=seconds)

    def _arguments(self, cmd: str) -> list[str]:
        """The command as the API takes it. What is a call of a shell already is spared another one around it."""
        size = len(cmd.encode())
        if size >= _LONGEST_WORD:
            raise AnsibleError(
                f"This command has {size} bytes, and Linux takes no more than {_LONGEST_WORD - 1}: put what is"
                " long into a file, with ansible.builtin.copy, or into stdin"
            )
        words = shlex.split(cmd)
        if len(words) == 3 and words[0].startswith("/") and words[1] == "-c" and shlex.join(words) == cmd:
            return words
        return [self.get_option("executable"), "-c", cmd]

    @contextmanager
    def _telling(self) -> Iterator[Any]:
        """The container, and our errors as Ansible's, which repeats the text of what an error comes from."""
        try:
            yield self._container
        except MissingFile as error:
            raise AnsibleFileNotFound(_sentence(error)) from None
        except FAILURES as error:
            raise AnsibleError(_sentence(error)) from None
        except FlotillaError as error:
            raise AnsibleConnectionFailure(_sentence(error)) from None


def _check_text(text: str) -> None:
    """Refuse what JSON cannot carry, before something else is made of it on the way."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise AnsibleError(f"The API takes only text in UTF-8, which this is not: {text!r}") from error


def _sentence(error: FlotillaError) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]
