# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers a url means, and how LXC's words become those of the API."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import (
    ConfigurationError,
    InvalidInput,
    MissingLibrary,
    NotAvailable,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._lxc import attach, binding, host
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.resolve import Access, resolve


class FakeContainer:
    """What python-lxc would say of one that runs."""

    state = "RUNNING"
    init_pid = 17

    def __init__(self, name: str, config_path: str) -> None:
        self.attached: list = []

    def get_interfaces(self):
        return ("eth0", "lo")

    def get_ips(self, interface: str, family: str):
        return {("eth0", "inet"): ("192.0.2.17",), ("lo", "inet"): ("127.0.0.1",)}.get((interface, family), ())

    def attach(self, function, argument, **options):
        self.attached.append((function, argument, options))
        return 4711


@pytest.fixture
def lxc(monkeypatch):
    """python-lxc, as far as anybody asks."""
    fake = SimpleNamespace(default_config_path="/var/lib/lxc", Container=FakeContainer, LXC_ATTACH_CLEAR_ENV=1)
    monkeypatch.setattr(binding, "lxc", fake)
    return fake


@pytest.fixture
def here(lxc, tmp_path):
    (tmp_path / "c1").mkdir()
    (tmp_path / "c1" / "config").write_text("lxc.uts.name = c1\nlxc.arch = amd64\nlxc.environment = A=b\n")
    (tmp_path / "lxc.log").touch()
    (tmp_path / "nothing").mkdir()
    return host.meant(Access(url=f"lxc://{tmp_path}", remote="classic"))


@pytest.mark.parametrize(
    ("url", "lxcpath"),
    [("lxc:", "/var/lib/lxc"), ("lxc://", "/var/lib/lxc"), ("lxc:///srv/lxc/", "/srv/lxc"), ("lxc:/srv", "/srv")],
)
def test_url(lxc, url, lxcpath):
    assert host.meant(Access(url=url)) == host.Host(url, lxcpath)


@pytest.mark.parametrize("url", ["lxc:srv", "lxc://srv/lxc"])
def test_url_that_is_not_understood(lxc, url):
    with pytest.raises(ConfigurationError, match="lxc:///path"):
        host.meant(Access(url=url))


@pytest.mark.parametrize("option", ["project", "client_cert", "server_cert"])
def test_what_does_not_go_with_it(lxc, option):
    with pytest.raises(InvalidInput, match=f"{option} does not go with url lxc:"):
        host.meant(Access(url="lxc:", **{option: "x"}))


def test_without_the_library(monkeypatch):
    monkeypatch.setattr(binding, "lxc", None)
    with pytest.raises(MissingLibrary, match="library lxc"):
        host.meant(Access(url="lxc:///srv"))


def test_it_is_no_server():
    assert not host.is_meant(Access(remote="lxc"))
    with pytest.raises(ConfigurationError, match="only container_info, migrate"):
        resolve(Access(url="lxc:"), {})


def test_containers(here):
    assert [str(one) for one in here.containers()] == ["classic:c1"]
    assert here.find("nothing") is None
    with pytest.raises(NotAvailable, match="there is no container nothing"):
        here.container("nothing")


def test_directory_that_is_not_there(lxc):
    with pytest.raises(NotAvailable, match="/nosuch cannot be read"):
        host.meant(Access(url="lxc:///nosuch")).containers()


def test_description(here):
    assert here.container("c1").described(with_state=True) == {
        "name": "c1",
        "kind": "lxc",
        "type": "container",
        "status": "Running",
        "status_code": 103,
        "architecture": "x86_64",
        "ephemeral": False,
        "config": {"lxc.uts.name": "c1", "lxc.arch": "amd64", "lxc.environment": ["A=b"]},
        "state": {
            "status": "Running",
            "status_code": 103,
            "pid": 17,
            "network": {
                "eth0": {
                    "type": "broadcast",
                    "addresses": [{"family": "inet", "address": "192.0.2.17", "scope": "global"}],
                },
                "lo": {
                    "type": "loopback",
                    "addresses": [{"family": "inet", "address": "127.0.0.1", "scope": "local"}],
                },
            },
        },
    }


def test_process_as_python_lxc_takes_it(here):
    container = here.container("c1")
    process = attach.Process(["id", "-u"], 1000, 100, "/home/user", {"HOME": "/home/user"})
    assert attach.start(container, process, 3, 4, 5) == 4711
    ((_function, argument, options),) = container.handle.attached
    assert argument is process
    assert options == {
        "uid": 1000,
        "gid": 100,
        "initial_cwd": "/home/user",
        "env_policy": 1,
        "extra_env_vars": [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8",
            "HOME=/home/user",
        ],
        "stdin": 3,
        "stdout": 4,
        "stderr": 5,
    }


@pytest.mark.parametrize(("state", "word"), [("STOPPED", "stopped"), ("FROZEN", "frozen"), ("STARTING", "starting")])
def test_process_in_one_that_does_not_run(here, state, word):
    container = here.container("c1")
    container.handle.state = state
    with pytest.raises(NotAvailable, match=f"container c1 is {word}"):
        attach.start(container, attach.Process(["true"], 0, 0, "/"), 3, 4, 5)
    assert container.handle.attached == []


def test_one_that_is_broken_is_told_among_the_others(here, tmp_path):
    (tmp_path / "c0").mkdir()
    (tmp_path / "c0" / "config").write_text("nonsense\n")
    broken, other = here.described(with_state=True)
    assert other == here.container("c1").described(with_state=True)
    assert (broken["name"], broken["status"], broken["config"]) == ("c0", "Error", {})
    assert "is no line of LXC's configuration" in broken["error"]
    assert "state" not in broken
