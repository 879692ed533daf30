# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection by itself: what each of its calls does in a real container, and what it says when it cannot."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import time
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import connection_loader

BIG = os.urandom(1024) * 1024 * 20
AWKWARD = 'ünï code\'s "name" $HOME `x` \\ 漢字'
CONFIGURATIONS = {"lxd-a": "LXD_CONF", "incus-a": "INCUS_CONF"}
SERVERS_ONLY = pytest.mark.parametrize("fleet", sorted(CONFIGURATIONS), indirect=True)


@pytest.fixture
def connect():
    """A connection with the given variables, as a task on a host of the name would have it."""
    made = []

    def make(host: str, **variables):
        connection = connection_loader.get("flotilla.lxd.exec", PlayContext(), None)
        connection.set_options(var_options={"inventory_hostname": host, **variables})
        made.append(connection)
        return connection

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def reach(fleet, connect):
    """A connection to a container of the fleet."""

    def make(name: str, **variables):
        return connect(name, ansible_flotilla_remote=fleet.remote, **{**fleet.variables, **variables})

    return make


@pytest.fixture
def busybox(fleet, reach):
    """A connection to a container that has nothing but busybox."""
    return reach(f"{fleet.remote}:{fleet.busybox}")


@pytest.fixture
def user(fleet, reach):
    """A connection as uid 1000 of the busybox container."""
    return reach(fleet.busybox, ansible_user="user")


class TestCommands:
    def test_output_errors_and_exit_code_are_apart(self, busybox):
        assert busybox.exec_command("echo out; echo err >&2; exit 3") == (3, b"out\n", b"err\n")

    def test_a_command_may_say_what_it_likes(self, busybox):
        said = "Error: Instance is not running; Not Found; is not running"
        assert busybox.exec_command(f"echo '{said}' >&2; exit 1") == (1, b"", f"{said}\n".encode())

    def test_any_bytes(self, busybox):
        everything = bytes(range(256)) * 3
        assert busybox.exec_command("cat", in_data=everything) == (0, everything, b"")

    def test_characters(self, busybox):
        assert busybox.exec_command("printf %s '漢字 ü'") == (0, "漢字 ü".encode(), b"")

    def test_what_is_no_text(self, busybox):
        with pytest.raises(AnsibleError, match="UTF-8"):
            busybox.exec_command("echo \udcff")
        with pytest.raises(AnsibleError, match="UTF-8"):
            busybox.put_file(__file__, "/tmp/\udcff")

    @pytest.mark.parametrize(("command", "code"), [("exit 126", 126), ("exit 127", 127), ("exit 255", 255)])
    def test_exit_codes_that_servers_read_a_meaning_into(self, busybox, command, code):
        assert busybox.exec_command(f"echo before; {command}") == (code, b"before\n", b"")

    def test_command_not_found(self, busybox):
        code, _stdout, stderr = busybox.exec_command("nosuchcommand")
        assert code == 127
        assert b"nosuchcommand" in stderr

    def test_shell_not_found(self, busybox):
        code, stdout, stderr = busybox.exec_command("/bin/nosuchshell -c true")
        assert (code, stdout) == (127, b"")
        assert b"not found" in stderr.lower()

    def test_killed_by_a_signal(self, busybox):
        assert busybox.exec_command("kill -9 $$") == (137, b"", b"")

    def test_more_input_and_output_than_any_buffer_holds(self, busybox):
        code, stdout, stderr = busybox.exec_command("tee /tmp/copy; cat /tmp/copy >&2", in_data=BIG)
        assert (code, stdout == BIG, stderr == BIG) == (0, True, True)

    def test_input_that_is_not_read(self, busybox):
        assert busybox.exec_command("echo done", in_data=BIG) == (0, b"done\n", b"")

    def test_input_that_is_closed_early(self, busybox):
        assert busybox.exec_command("head -c 3; exec <&-; sleep 1; echo", in_data=b"abc" + BIG) == (0, b"abc\n", b"")

    def test_no_input_is_the_end_of_input(self, busybox):
        assert busybox.exec_command("cat; echo end") == (0, b"end\n", b"")

    def test_output_before_a_long_silence(self, busybox):
        # Longer than the time between two of the server's pings.
        assert busybox.exec_command("echo one; sleep 12; echo two") == (0, b"one\ntwo\n", b"")

    def test_output_is_not_needed_for_running(self, busybox):
        assert busybox.exec_command("exec >&- 2>&-; sleep 1; exit 5") == (5, b"", b"")

    def test_command_timeout(self, fleet, reach):
        connection = reach(fleet.busybox, ansible_flotilla_command_timeout=1)
        began = time.monotonic()
        with pytest.raises(AnsibleError, match="within 1 seconds") as caught:
            connection.exec_command("sleep 30")
        assert not isinstance(caught.value, AnsibleConnectionFailure)
        assert time.monotonic() - began < 5
        assert connection.exec_command("echo again") == (0, b"again\n", b"")

    def test_reset(self, busybox):
        busybox.exec_command("true")
        busybox.reset()
        assert busybox.exec_command("echo x") == (0, b"x\n", b"")


class TestUser:
    def test_root_by_default(self, busybox):
        assert busybox.exec_command("id -u; pwd; echo $HOME $USER") == (0, b"0\n/root\n/root root\n", b"")

    def test_name(self, user):
        code, stdout, _stderr = user.exec_command("id -u; id -g; pwd; echo $HOME $USER $LOGNAME")
        assert (code, stdout) == (0, b"1000\n1000\n/home/user\n/home/user user user\n")

    def test_number(self, fleet, reach):
        connection = reach(fleet.debian, ansible_user="1000")
        assert connection.exec_command("id -un; pwd") == (0, b"user\n/home/user\n", b"")

    def test_number_of_nobody(self, fleet, reach):
        connection = reach(fleet.debian, ansible_user="4711")
        assert connection.exec_command("id -u; id -g; pwd") == (0, b"4711\n4711\n/\n", b"")

    def test_unknown(self, fleet, reach):
        connection = reach(fleet.busybox, ansible_user="nosuch")
        with pytest.raises(AnsibleConnectionFailure, match=f"container {fleet.busybox} has no user nosuch"):
            connection.exec_command("true")


class TestFiles:
    @pytest.mark.parametrize("content", [b"", b"text\n", bytes(range(256)), BIG], ids=["empty", "text", "bytes", "big"])
    def test_there_and_back(self, busybox, tmp_path, content):
        (tmp_path / "local").write_bytes(content)
        busybox.put_file(str(tmp_path / "local"), "/tmp/there")
        busybox.fetch_file("/tmp/there", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == content

    def test_awkward_names(self, busybox, tmp_path):
        (tmp_path / AWKWARD).write_text("x")
        busybox.put_file(str(tmp_path / AWKWARD), f"/tmp/{AWKWARD}")
        busybox.fetch_file(f"/tmp/{AWKWARD}", str(tmp_path / "back"))
        assert (tmp_path / "back").read_text() == "x"
        _code, listing, _stderr = busybox.exec_command("printf '%s\\n' /tmp/*")
        assert f"/tmp/{AWKWARD}" in listing.decode().splitlines()

    @pytest.mark.parametrize("mode", [0o600, 0o755, 0o444])
    def test_mode_and_owner(self, user, tmp_path, mode):
        local = tmp_path / "local"
        local.write_text("x")
        local.chmod(mode)
        name = f"/tmp/mode-{mode:o}"
        user.put_file(str(local), name)
        assert user.exec_command(f"stat -c '%a %u %g' {name}") == (0, f"{mode:o} 1000 1000\n".encode(), b"")
        user.fetch_file(name, str(tmp_path / "back"))
        assert stat.S_IMODE((tmp_path / "back").stat().st_mode) == mode & ~0o022

    def test_over_a_file_that_is_there(self, busybox, tmp_path):
        busybox.exec_command("echo something much longer than that > /tmp/over; chmod 600 /tmp/over")
        (tmp_path / "local").write_text("new")
        (tmp_path / "local").chmod(0o755)
        busybox.put_file(str(tmp_path / "local"), "/tmp/over")
        assert busybox.exec_command("cat /tmp/over; stat -c %a /tmp/over") == (0, b"new755\n", b"")

    def test_relative_to_the_home_directory(self, user, tmp_path):
        (tmp_path / "local").write_text("x")
        user.put_file(str(tmp_path / "local"), "relative")
        assert user.exec_command("cat /home/user/relative") == (0, b"x", b"")

    def test_through_a_link(self, busybox, tmp_path):
        busybox.exec_command("echo target > /tmp/target; ln -sf target /tmp/link; ln -sf loop /tmp/loop")
        busybox.fetch_file("/tmp/link", str(tmp_path / "back"))
        assert (tmp_path / "back").read_text() == "target\n"
        with pytest.raises(AnsibleError, match="links"):
            busybox.fetch_file("/tmp/loop", str(tmp_path / "back"))

    def test_nothing_to_put(self, busybox, tmp_path):
        with pytest.raises(AnsibleFileNotFound, match="nosuch"):
            busybox.put_file(str(tmp_path / "nosuch"), "/tmp/x")

    def test_no_directory_to_put_into(self, busybox):
        with pytest.raises(AnsibleError, match="the directory /tmp/nosuch does not exist") as caught:
            busybox.put_file(__file__, "/tmp/nosuch/x")
        assert not isinstance(caught.value, AnsibleConnectionFailure)

    def test_nothing_to_fetch(self, busybox, tmp_path):
        with pytest.raises(AnsibleFileNotFound, match="/tmp/nosuch does not exist in container"):
            busybox.fetch_file("/tmp/nosuch", str(tmp_path / "back"))
        assert list(tmp_path.iterdir()) == []

    def test_a_directory(self, busybox, tmp_path):
        with pytest.raises(AnsibleError, match="directory") as caught:
            busybox.fetch_file("/tmp", str(tmp_path / "back"))
        assert not isinstance(caught.value, AnsibleConnectionFailure)
        with pytest.raises(AnsibleError, match="directory") as caught:
            busybox.put_file(__file__, "/tmp")
        assert not isinstance(caught.value, AnsibleConnectionFailure)

    def test_nowhere_to_put_what_was_fetched(self, busybox, tmp_path):
        with pytest.raises(AnsibleError, match="cannot write .* on the controller|Cannot write .* on the controller"):
            busybox.fetch_file("/etc/passwd", str(tmp_path / "nosuch" / "back"))


class TestUnreachable:
    @pytest.fixture
    def refused(self, reach, tmp_path):
        """What is said when nothing can be run."""

        def ask(host: str, **variables) -> str:
            connection = reach(host, **variables)
            with pytest.raises(AnsibleConnectionFailure) as caught:
                connection.exec_command("true")
            with pytest.raises(AnsibleConnectionFailure):
                connection.put_file(__file__, "/tmp/x")
            return str(caught.value)

        return ask

    def test_missing_container(self, fleet, refused):
        assert f"emote {fleet.remote}: there is no container nosuch" in refused(f"{fleet.remote}:nosuch")

    def test_missing_container_for_another_user(self, fleet, refused):
        assert "there is no container nosuch" in refused(f"{fleet.remote}:nosuch", ansible_user="user")

    @SERVERS_ONLY
    def test_stopped_and_frozen_container(self, fleet, connect, command_line, tmp_path):
        name = f"{fleet.remote}:{fleet.spare}"
        connection = connect(name)
        command_line(fleet.remote, "pause", name)
        with pytest.raises(AnsibleConnectionFailure, match=f"container {fleet.spare} is frozen"):
            connection.exec_command("true")
        command_line(fleet.remote, "start", name)
        assert connection.exec_command("echo thawed") == (0, b"thawed\n", b"")
        command_line(fleet.remote, "stop", "--force", name)
        with pytest.raises(AnsibleConnectionFailure, match=f"container {fleet.spare} is stopped"):
            connection.exec_command("true")
        connection.put_file(__file__, "/root/put")
        connection.fetch_file("/root/put", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == Path(__file__).read_bytes()

    @SERVERS_ONLY
    def test_missing_project(self, fleet, refused):
        said = refused(f"{fleet.remote}:{fleet.busybox}", ansible_flotilla_project="nosuch")
        assert "nosuch" in said

    @SERVERS_ONLY
    def test_missing_remote(self, fleet, refused):
        assert "remote nosuch is not in the client configuration" in refused(f"nosuch:{fleet.busybox}").lower()

    @SERVERS_ONLY
    def test_name_that_is_none(self, refused):
        assert "ansible_flotilla_container" in refused("web1.example.com")

    @SERVERS_ONLY
    def test_another_servers_certificate(self, fleet, refused, tmp_path, monkeypatch):
        variable = CONFIGURATIONS[fleet.remote]
        copy = tmp_path / "configuration"
        shutil.copytree(os.environ[variable], copy)
        other = copy / "servercerts" / f"{fleet.remote.removesuffix('a')}b.crt"
        shutil.copy(other, copy / "servercerts" / f"{fleet.remote}.crt")
        monkeypatch.setenv(variable, str(copy))
        said = refused(f"{fleet.remote}:{fleet.busybox}")
        assert fleet.remote in said
        assert "another certificate" in said

    @SERVERS_ONLY
    def test_certificate_that_the_server_does_not_know(self, fleet, refused):
        configuration = Path(os.environ[CONFIGURATIONS[fleet.remote]])
        server = yaml.safe_load((configuration / "config.yml").read_text())["remotes"][fleet.remote]["addr"]
        said = refused(
            fleet.busybox,
            ansible_flotilla_url=server,
            ansible_flotilla_server_cert=str(configuration / "servercerts" / f"{fleet.remote}.crt"),
        )
        assert "does not trust this client's certificate" in said

    @SERVERS_ONLY
    def test_port_that_nobody_listens_on(self, fleet, refused):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        said = refused(fleet.busybox, ansible_flotilla_url=f"https://127.0.0.1:{port}")
        assert f"cannot connect to https://127.0.0.1:{port}: Connection refused" in said

    @SERVERS_ONLY
    def test_socket_that_nobody_listens_on(self, refused, tmp_path):
        path = tmp_path / "unix.socket"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        said = refused("c1", ansible_flotilla_url=f"unix://{path}")
        assert f"cannot connect to unix://{path}: Connection refused" in said

    def test_daemon_that_does_not_answer(self, connect, tmp_path):
        path = tmp_path / "unix.socket"
        with socket.socket(socket.AF_UNIX) as deaf:
            deaf.bind(str(path))
            deaf.listen()
            connection = connect("c1", ansible_flotilla_url=f"unix://{path}", ansible_flotilla_timeout=1)
            with pytest.raises(AnsibleConnectionFailure, match="no answer from unix://.* within 1 seconds"):
                connection.exec_command("true")
