# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With Ansible's own become plugins, as what they look for is theirs to say."""

from __future__ import annotations

import re

import pytest
from ansible.plugins.loader import become_loader, get_shell_plugin

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.dialogue import (
    PIECE_BYTES,
    BecomeTask,
    CommandTimedOut,
    EscalationFailed,
    Task,
    TerminalTask,
)
from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.streams import STDERR, STDOUT


def become(name: str, password: str | None = "secret"):
    plugin = become_loader.get(name)
    plugin.set_options(direct={"become_pass": password} if password else {})
    plugin.build_become_command("true", get_shell_plugin(shell_type="sh", executable="/bin/sh"))
    return plugin


def said(task: Task) -> list[bytes]:
    """All that it says until it has nothing more to say now."""
    pieces = []
    while piece := task.say():
        pieces.append(piece)
    return pieces


def test_input_goes_in_pieces():
    content = bytes(PIECE_BYTES) + b"x"
    task = Task(content)
    assert said(task) == [bytes(PIECE_BYTES), b"x"]
    assert task.say() is None


def test_input_may_come_as_it_is_made():
    assert said(Task(piece for piece in (b"a", b"", b"b"))) == [b"a", b"b"]
    assert Task(None).say() is None


def test_time_is_up():
    with pytest.raises(CommandTimedOut, match="within 0 seconds"):
        Task(None, Deadline(0)).patience()
    assert Task(None).patience() is None


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_sudo_is_told_the_password_once_and_the_command_its_input_after_that(step):
    plugin = become("sudo")
    task = BecomeTask(plugin, b"input", seconds=10)
    assert task.say() == b""
    prompt = plugin.prompt.encode()
    for begin in range(0, len(prompt), step):
        task.hear(STDERR, prompt[begin : begin + step])
    assert said(task) == [b"secret\n"]
    mark = f"{plugin.success}\n".encode()
    for begin in range(0, len(mark), step):
        task.hear(STDOUT, mark[begin : begin + step])
    assert said(task) == [b"input"]
    assert task.say() is None
    task.hear(STDOUT, b"out")
    task.hear(STDERR, b"Sorry, try again.")
    assert (task.stdout, task.stderr) == (b"out", b"Sorry, try again.")


def test_success_without_a_prompt():
    plugin = become("sudo")
    task = BecomeTask(plugin, b"input", seconds=10)
    task.hear(STDOUT, f"{plugin.success}\nout".encode())
    assert said(task) == [b"input"]
    assert task.stdout == b"out"


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize(
    ("stdin", "typed"), [(None, [b"\x04"]), (b"line\n", [b"line\n", b"\x04"]), (b"half", [b"half", b"\x04\x04"])]
)
def test_su_at_a_terminal(step, stdin, typed):
    plugin = become("su")
    task = TerminalTask(plugin, stdin, seconds=10)
    farewell = re.search(r"FAREWELL-\w+", " ".join(task.wrap(["/bin/sh", "-c", "true"]))).group()

    def hear(text: str) -> None:
        for begin in range(0, len(text), step):
            task.hear(STDOUT, text[begin : begin + step].encode())

    hear("Passwort: ")
    assert said(task) == [b"secret\n"]
    hear(f"\r\n{plugin.success}\r\n")
    assert said(task) == typed
    assert task.say() == b""
    hear(f"out\r\r\n{farewell}")
    assert said(task) == [b"\n"]
    assert task.say() == b""
    hear("\r\n")
    assert task.output == b"out\r\n"


@pytest.mark.parametrize(
    ("name", "output"), [("sudo", b"Sorry, try again.\n"), ("su", b"\r\nsu: Authentication failure\r\n")]
)
def test_wrong_password(name, output):
    task = BecomeTask(become(name), None, seconds=10)
    with pytest.raises(EscalationFailed, match=f"incorrect {name} password"):
        task.hear(STDERR, output)


def test_asked_again():
    plugin = become("sudo")
    task = BecomeTask(plugin, None, seconds=10)
    task.hear(STDERR, plugin.prompt.encode())
    assert said(task) == [b"secret\n"]
    with pytest.raises(EscalationFailed, match="incorrect sudo password"):
        task.hear(STDERR, b"\n" + plugin.prompt.encode())


@pytest.mark.parametrize(("name", "output"), [("sudo", b"sudo: a password is required\n"), ("su", b"Password: ")])
def test_missing_password(name, output):
    task = BecomeTask(become(name, None), None, seconds=10)
    with pytest.raises(EscalationFailed, match=f"missing {name} password"):
        task.hear(STDERR, output)


def test_neither_success_nor_refusal():
    with pytest.raises(EscalationFailed, match="within 0 seconds"):
        BecomeTask(become("sudo"), None, seconds=0).patience()
