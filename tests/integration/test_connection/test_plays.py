# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection under ansible-playbook: modules, file transfers, other users, many hosts."""

from __future__ import annotations

import base64
import os

import pytest
import yaml

PASSWORD = "pässwörd with $pace"
AWKWARD = 'ünï code\'s "name" 漢字'


@pytest.fixture
def inventory(fleet, tmp_path):
    """An inventory file of hosts with their variables; returns its path."""

    def write(hosts: dict[str, dict], **variables) -> str:
        path = tmp_path / "inventory.yml"
        common = {"ansible_connection": "flotilla.lxd.exec", "ansible_flotilla_remote": fleet.remote}
        path.write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": {**common, **fleet.variables, **variables}}}))
        return str(path)

    return write


def play(*tasks, **keywords):
    return [{"hosts": "all", "gather_facts": False, "tasks": list(tasks), **keywords}]


def task(name: str, **content):
    return {"name": name, **content}


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "files"])
def test_modules(fleet, inventory, playbook, pipelining):
    ran = playbook(
        play(
            task("ping", ping={}),
            task("facts", setup={"gather_subset": "!all,!min,distribution"}),
            task("command", command="cat /etc/hostname"),
            task("fails", shell="echo out; echo 'is not running' >&2; exit 7", ignore_errors=True),
            task("unicode", shell="printf %s '漢字'"),
            task("async", command="sleep 1", **{"async": 20, "poll": 1}),
        ),
        inventory=inventory({"host": {"ansible_flotilla_container": fleet.debian}}, ansible_pipelining=pipelining),
    )
    assert ran.result("ping")["ping"] == "pong"
    assert ran.result("facts")["ansible_facts"]["ansible_distribution"] == "Debian"
    assert ran.result("command")["stdout"] == fleet.debian
    failed = ran.result("fails")
    assert (failed["rc"], failed["stdout"], failed["stderr"]) == (7, "out", "is not running")
    assert "unreachable" not in failed
    assert ran.result("unicode")["stdout"] == "漢字"
    assert ran.result("async")["rc"] == 0


def test_transfers(fleet, inventory, playbook, tmp_path):
    (tmp_path / "big").write_bytes(os.urandom(1024) * 1024 * 20)
    (tmp_path / "empty").touch()
    (tmp_path / AWKWARD).write_text("awkward")
    (tmp_path / "template.j2").write_text("{{ inventory_hostname }}: {{ '漢字' }}\n")
    names = {"big": "big", "empty": "empty", "awkward": AWKWARD}
    back = tmp_path / "back"

    def copy(name: str):
        return {"src": f"{tmp_path}/{name}", "dest": f"/root/{name}", "mode": "0640"}

    ran = playbook(
        play(
            *(task(f"copy {title}", copy=copy(name)) for title, name in names.items()),
            task("copy again", copy=copy("big")),
            task("template", template={"src": f"{tmp_path}/template.j2", "dest": "/root/template"}),
            task("slurp", slurp={"src": "/root/template"}),
            *(
                task(f"fetch {title}", fetch={"src": f"/root/{name}", "dest": f"{back}/", "flat": True})
                for title, name in names.items()
            ),
            task("fetch missing", fetch={"src": "/root/nosuch", "dest": f"{back}/"}, ignore_errors=True),
        ),
        inventory=inventory({"host": {"ansible_flotilla_container": fleet.debian}}, ansible_pipelining=True),
    )
    assert ran.result("copy big")["changed"]
    assert not ran.result("copy again")["changed"]
    assert ran.result("copy awkward")["mode"] == "0640"
    assert base64.b64decode(ran.result("slurp")["content"]).decode() == "host: 漢字\n"
    for name in names.values():
        assert (back / name).read_bytes() == (tmp_path / name).read_bytes()
    assert "does not exist" in ran.result("fetch missing")["msg"]


def test_raw_and_script_need_no_python(fleet, inventory, playbook, tmp_path):
    (tmp_path / "script.sh").write_text("#!/bin/sh\necho script ü\n")
    ran = playbook(
        play(
            task("raw", raw="echo 漢字; echo err >&2; exit 3", ignore_errors=True),
            task("executable", raw="echo $0", args={"executable": "/bin/ash"}),
            task("script", script=f"{tmp_path}/script.sh"),
        ),
        inventory=inventory({fleet.busybox: {}}),
    )
    raw = ran.result("raw")
    assert (raw["rc"], raw["stdout"], raw["stderr"]) == (3, "漢字\n", "err\n")
    assert ran.result("executable")["stdout"] == "/bin/ash\n"
    assert ran.result("script")["stdout"] == "script ü\n"


def test_which_container_is_meant(fleet, inventory, playbook):
    hosts = {
        fleet.several[0]: {"ansible_host": "192.0.2.1"},
        "b": {"ansible_host": fleet.several[1]},
        "c": {"ansible_host": "192.0.2.1", "ansible_flotilla_container": f"{fleet.remote}:{fleet.several[2]}"},
        f"{fleet.remote}:{fleet.several[3]}": {"ansible_flotilla_remote": "nosuch"},
    }
    among = [f"{fleet.remote}:{name}" for name in fleet.several]
    ran = playbook(
        play(
            task("own", raw="hostname"),
            task("delegated", raw="hostname", delegate_to=fleet.several[0]),
            task("loop", raw="hostname", loop=among, vars={"ansible_flotilla_container": "{{ item }}"}),
            {"meta": "reset_connection"},
            task("after", raw="hostname"),
        ),
        inventory=inventory(hosts),
    )
    meant = dict(zip(hosts, fleet.several, strict=False))
    for name in ("own", "after"):
        assert {
            entry["host"]: entry["result"]["stdout"].strip() for entry in ran.tasks if entry["task"] == name
        } == meant
    assert {result["stdout"].strip() for result in ran.results("delegated")} == {fleet.several[0]}
    for result in ran.results("loop"):
        assert [item["stdout"].strip() for item in result["results"]] == list(fleet.several)


def test_many_at_once(fleet, inventory, playbook):
    ran = playbook(
        play(task("who", raw="hostname; head -c 1000000 /dev/zero | md5sum"), task("again", raw="hostname")),
        "--forks=5",
        inventory=inventory({name: {} for name in fleet.several}),
    )
    said = {entry["host"]: entry["result"]["stdout_lines"][0] for entry in ran.tasks if entry["task"] == "who"}
    assert said == {name: name for name in fleet.several}


def test_unreachable_is_one_host_only(fleet, inventory, playbook):
    ran = playbook(
        play(task("who", raw="hostname")),
        inventory=inventory({fleet.several[0]: {}, "nosuch": {}}),
        fails=True,
    )
    outcome = {entry["host"]: entry["outcome"] for entry in ran.tasks}
    assert outcome == {fleet.several[0]: "ok", "nosuch": "unreachable"}
    assert "there is no container nosuch" in ran.text


@pytest.fixture(scope="module")
def accounts(fleet):
    """Two users of the debian container: worker may use sudo with the password, and root has the same one."""
    from ansible.playbook.play_context import PlayContext
    from ansible.plugins.loader import connection_loader

    connection = connection_loader.get("flotilla.lxd.exec", PlayContext(), None)
    connection.set_options(var_options={"inventory_hostname": f"{fleet.remote}:{fleet.debian}", **fleet.variables})
    script = """
        useradd --create-home --shell /bin/sh worker
        useradd --create-home --shell /bin/sh other
        echo 'worker ALL=(ALL) ALL' > /etc/sudoers.d/worker
        chpasswd
    """
    lines = "".join(f"{name}:{PASSWORD}\n" for name in ("worker", "other", "root"))
    code, _stdout, stderr = connection.exec_command(script, in_data=lines.encode())
    assert code == 0, stderr
    connection.close()


@pytest.fixture
def becoming(fleet, inventory):
    """An inventory in which the debian container is many hosts, each becoming another user in another way."""

    def write(**hosts: tuple[str, str, str, str | None, bool]) -> str:
        variables = {
            name: {
                "ansible_flotilla_container": fleet.debian,
                "ansible_user": user,
                "ansible_become_method": method,
                "ansible_become_user": becomes,
                "ansible_pipelining": pipelining,
                **({"ansible_become_password": password} if password else {}),
            }
            for name, (user, method, becomes, password, pipelining) in hosts.items()
        }
        return inventory(variables, ansible_become=True)

    return write


@pytest.mark.usefixtures("accounts")
def test_become(playbook, becoming):
    ways = {
        "sudo": ("user", "sudo", "root", None, True),
        "sudo_with_password": ("worker", "sudo", "root", PASSWORD, True),
        "sudo_with_password_and_files": ("worker", "sudo", "root", PASSWORD, False),
        "sudo_by_root": ("root", "sudo", "other", None, True),
        "su_with_password": ("worker", "su", "root", PASSWORD, False),
        "su_by_root": ("root", "su", "other", None, False),
    }
    ran = playbook(
        play(
            task("raw", raw="id -un; echo err >&2; exit 3", ignore_errors=True),
            task("shell", shell="id -un; echo err >&2; cat", args={"stdin": "the input"}),
            task("copy", copy={"content": "漢字\n", "dest": "/tmp/by-{{ inventory_hostname }}", "mode": "0600"}),
        ),
        "-vvvv",
        inventory=becoming(**ways),
    )
    for host, (_user, method, becomes, password, _pipelining) in ways.items():
        did = {entry["task"]: entry["result"] for entry in ran.tasks if entry["host"] == host}
        assert did["raw"]["rc"] == 3
        # At a terminal, where su asks for the password, the two are one.
        apart = (f"{becomes}\nerr\n", "") if method == "su" and password else (f"{becomes}\n", "err\n")
        assert (did["raw"]["stdout"], did["raw"]["stderr"]) == apart
        assert (did["shell"]["stdout"], did["shell"]["stderr"]) == (f"{becomes}\nthe input", "err")
        assert did["copy"]["owner"] == becomes
    assert PASSWORD not in ran.text


@pytest.mark.usefixtures("accounts")
def test_become_refused(playbook, becoming):
    ran = playbook(
        play(task("whoami", command="id -un")),
        inventory=becoming(
            sudo_incorrect=("worker", "sudo", "root", "wrong", True),
            sudo_missing=("worker", "sudo", "root", None, True),
            su_incorrect=("worker", "su", "root", "wrong", False),
            su_missing=("worker", "su", "root", None, False),
        ),
        fails=True,
    )
    assert len(ran.tasks) == 4
    for entry in ran.tasks:
        method, word = entry["host"].split("_")
        assert entry["outcome"] == "failed"
        assert f"{word.title()} {method} password" in entry["result"]["msg"]


def test_remote_user(fleet, inventory, playbook):
    ran = playbook(
        play(task("user", shell="id -un; pwd; echo $HOME"), task("copy", copy={"content": "x", "dest": "~/copied"})),
        "--user=user",
        inventory=inventory({fleet.debian: {}}),
    )
    assert ran.result("user")["stdout_lines"] == ["user", "/home/user", "/home/user"]
    assert (ran.result("copy")["dest"], ran.result("copy")["owner"]) == ("/home/user/copied", "user")


def test_what_verbose_output_says(fleet, inventory, playbook):
    ran = playbook(
        play(task("user", shell="cat", args={"stdin": "the input"}), vars={"ansible_pipelining": True}),
        "-vvv",
        inventory=inventory({"host": {"ansible_flotilla_container": fleet.debian}}),
    )
    assert f"<{fleet.remote}:{fleet.debian}> CONTAINER {fleet.remote}:{fleet.debian} FOR USER root" in ran.text
    assert f"<{fleet.remote}:{fleet.debian}> EXEC /bin/sh -c" in ran.text
