# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever waits at a terminal sees how far a large image is; a pipe and a log get nothing of it."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shutil
import socket
import subprocess
import tarfile
import termios
import time
import uuid
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from faulty_proxy import Proxy

OTHER = {"lxd-a": "lxd-b", "incus-a": "incus-b"}
CONFIGURATION = {"lxd-a": "LXD_CONF", "incus-a": "INCUS_CONF"}
CLEAR = "\r\x1b[K"
MEGABYTES = 50
BYTES_PER_SECOND = 20_000_000


class SlowLine(Proxy):
    """A proxy that makes the image large: it takes seconds on any machine."""

    def _pump(self, source: socket.socket, sink: socket.socket, back: bool) -> None:
        with suppress(OSError):
            while content := source.recv(65536):
                time.sleep(len(content) / BYTES_PER_SECOND)
                sink.sendall(content)
        for each in (source, sink):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def slow_line(remote, tmp_path):
    """A client configuration in which the other daemon is at the end of a slow line, as a variable of the environment."""
    variable, directory = CONFIGURATION[remote], tmp_path / "configuration"
    shutil.copytree(os.environ[variable], directory)
    configuration = yaml.safe_load((directory / "config.yml").read_text())
    other = configuration["remotes"][OTHER[remote]]
    address = urlsplit(other["addr"])
    proxy = SlowLine(str(address.hostname), int(address.port or 8443))
    other["addr"] = proxy.url
    (directory / "config.yml").write_text(yaml.safe_dump(configuration))
    yield {variable: str(directory)}
    proxy.stop()


@pytest.fixture
def large_image(tmp_path):
    """A unified image that takes no room here: a tarball with a hole."""
    path = tmp_path / "large.tar"
    date = int(time.time()) - uuid.uuid4().int % 10**8
    metadata = f"architecture: x86_64\ncreation_date: {date}\n".encode()
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("metadata.yaml")
        member.size = len(metadata)
        tar.addfile(member, io.BytesIO(metadata))
    size = MEGABYTES * 1024 * 1024
    member = tarfile.TarInfo("rootfs/hole")
    member.size = size
    with path.open("r+b") as tar:
        tar.seek(512 + 512)  # the first member, and what it is filled up to
        tar.write(member.tobuf())
        tar.truncate(tar.tell() + size + 1024)
    return path


@pytest.fixture
def tasks(remote, name, large_image, command_line):
    """Send the image to one daemon, have another fetch it from there, and remove it from both."""
    other = OTHER[remote]
    there, here = {"remote": other, "name": name}, {"remote": remote, "name": name}
    yield [
        {"name": "import", "flotilla.lxd.image": {**there, "file": str(large_image)}},
        {"name": "copy", "flotilla.lxd.image": {**here, "source": f"{other}:{name}"}},
        *({"name": "remove", "flotilla.lxd.image": {**each, "state": "absent"}} for each in (here, there)),
    ]
    for each in (remote, other):
        for image in json.loads(command_line(each, "image", "list", f"{each}:", "--format=json")):
            if any(alias["name"] == name for alias in image["aliases"]):
                command_line(each, "image", "delete", f"{each}:{image['fingerprint']}")


@pytest.fixture
def at_a_terminal(tmp_path):
    """Run a play's tasks where a person looks on; return all that was written to the terminal."""

    def run(tasks: list[dict], play: dict | None = None, **environment: str) -> str:
        path = tmp_path / "play.yml"
        path.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks, **(play or {})}]))
        master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (25, 100))
        process = subprocess.Popen(
            ["ansible-playbook", str(path)],
            cwd=os.path.dirname(__file__),
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            env={
                **os.environ,
                "TERM": "xterm",
                "ANSIBLE_NOCOLOR": "1",
                "FLOTILLA_TEST_RESULTS": str(tmp_path / "results"),
                **environment,
            },
        )
        os.close(slave)
        written = b""
        try:
            while content := os.read(master, 65536):
                written += content
        except OSError:  # how Linux says that nobody holds the terminal any more
            pass
        finally:
            os.close(master)
        text = written.decode()
        assert process.wait(60) == 0, text
        return text

    return run


def as_it_stays(text: str) -> str:
    """What can be read on the terminal afterwards."""
    return "\n".join(line.rpartition(CLEAR)[2] for line in text.split("\r\n"))


def test_a_terminal_shows_it_and_a_log_does_not(tasks, slow_line, at_a_terminal, local_tasks, tmp_path):
    log = tmp_path / "log"
    environment = {**slow_line, "ANSIBLE_LOG_PATH": str(log), "TERM": "xterm"}
    piped = local_tasks(tasks, environment=environment)
    assert "%" not in piped.text and CLEAR not in piped.text

    seen = at_a_terminal(tasks, **environment)
    lines = [part.split("\r")[0] for part in seen.split(CLEAR)]
    assert [
        line for line in lines if re.match(r"\[localhost\] import image.*: \d+% \(\d+ MB of \d+ MB, .*/s\)", line)
    ], seen
    assert [line for line in lines if re.match(r"\[localhost\] copy image .*: .*\d+%", line)], seen
    assert max(len(line) for line in lines[1:] if line.startswith("[")) < 100

    stays = as_it_stays(seen)
    assert "%" not in stays and "\r" not in stays.replace("\r\n", "")
    assert stays.count("changed: [localhost]") == len(tasks)
    assert "changed: [localhost]" in log.read_text() and "%" not in log.read_text()


@pytest.fixture
def remembered(tmp_path):
    """A task that changes nothing, and a function that reads the environment its module last ran in."""
    file, program = tmp_path / "environment", tmp_path / "remember"
    program.write_text(f'#!/bin/sh\nenv > {file}\nexec python3 "$@"\n')
    program.chmod(0o755)
    task = {
        "flotilla.lxd.container": {"remote": "lxd-a", "name": "not-there", "state": "absent"},
        "vars": {"ansible_python_interpreter": str(program)},
    }
    return task, lambda: dict(line.split("=", 1) for line in file.read_text().splitlines() if "=" in line)


def test_tasks_are_what_they_were(remembered, at_a_terminal):
    """Defaults for the group of modules, short names and variables reach a module through the action plugin."""
    task, environment = remembered
    short = {"container": {"name": "not-there", "state": "absent"}, "vars": task["vars"]}
    play = {
        "collections": ["flotilla.lxd"],
        "module_defaults": {"group/flotilla.lxd.all": {"remote": "no-such-remote"}},
        "environment": {"OF_THE_PLAY": "1", "OF_BOTH": "play"},
    }
    seen = at_a_terminal(
        [
            {"flotilla.lxd.image": {"name": "not-there", "state": "absent"}, "ignore_errors": True},
            {**short, "ignore_errors": True},
            {**task, "environment": {"OF_BOTH": "task"}, "loop": [1, 2]},
        ],
        play,
    )
    assert seen.count("remote no-such-remote") + seen.count("Remote no-such-remote") >= 2, seen
    assert {"OF_THE_PLAY": "1", "OF_BOTH": "task"}.items() <= environment().items()
    assert "FLOTILLA_PROGRESS" in environment()
    assert not Path(environment()["FLOTILLA_PROGRESS"]).exists()


@pytest.mark.parametrize(
    ("task", "environment"),
    [
        ({"check_mode": True}, {}),
        ({"no_log": True}, {}),
        ({"async": 60, "poll": 1}, {}),
        ({}, {"TERM": "dumb"}),
        ({}, {"AWX_ISOLATED_DATA_DIR": "/nowhere"}),
    ],
    ids=["check mode", "no_log", "async", "dumb terminal", "ansible-runner"],
)
def test_where_it_would_disturb_it_is_silent(task, environment, remembered, at_a_terminal):
    plain, module_environment = remembered
    assert CLEAR not in at_a_terminal([{**plain, **task}], **environment)
    assert "FLOTILLA_PROGRESS" not in module_environment()
