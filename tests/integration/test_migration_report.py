# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report on a container that runs, and on one that is nowhere."""

from __future__ import annotations

import tarfile
from pathlib import Path

REPORT = "flotilla.lxd.migration_report"
CONTAINER = "flotilla.lxd.container"
SECRET = "tr0ub4dor-and-3"
TARGETS = {"lxd-a": "lxd-b", "incus-a": "incus-b"}


def texts(path: str) -> dict[str, str]:
    with tarfile.open(path) as tar:
        return {name.partition("/")[2]: tar.extractfile(name).read().decode() for name in tar.getnames()}


def test_a_container_that_runs(remote, name, local_tasks, tmp_path):
    config = {
        "environment.PASSWORD": SECRET,
        "user.note": f"first line\n{SECRET}\n",
        "raw.lxc": f"lxc.console.path=none\nlxc.environment=TOKEN={SECRET}",
    }
    report = {"remote": remote, "name": name, "target_remote": TARGETS[remote], "dest": str(tmp_path)}
    run = local_tasks(
        [
            {CONTAINER: {"remote": remote, "name": name, "image": "busybox", "config": config, "state": "started"}},
            {"name": "checked", REPORT: {**report, "dest": str(tmp_path / "checked.tgz")}, "check_mode": True},
            {"name": "report", REPORT: report},
        ]
    )
    checked = run.result("checked")
    assert checked["changed"] is True and "files" not in checked and not Path(checked["dest"]).exists()
    result = run.result("report")
    found = texts(result["dest"])
    assert sorted(found) == result["files"]
    parts = ["container.json", "host/daemon.log", "host/kernel", "host/mountinfo", "logs/lxc.log", "mountinfo"]
    parts += ["operations.json", "pools/default.json", "profiles/default.json", "resources.json", "server.json"]
    assert {f"source/{part}" for part in [*parts, "snapshots.json", "state.json"]} <= found.keys()
    assert " / / " in found["source/mountinfo"] or "/rootfs / " in found["source/mountinfo"]
    assert "lxc.console.path=none" in found["source/container.json"]
    assert "target/server.json" in found
    assert [gap["part"] for gap in result["left_out"]] == ["target/container.json"]
    assert not [part for part, text in found.items() if SECRET in text]
    assert SECRET not in str(result)


def test_nowhere(remote, name, local_tasks, tmp_path):
    run = local_tasks(
        [
            {"name": "no container", REPORT: {"remote": remote, "name": name, "dest": str(tmp_path / "a.tgz")}},
            {
                "name": "no place",
                REPORT: {"remote": remote, "name": name, "dest": "/nowhere/at/all"},
                "ignore_errors": True,
            },
            {
                "name": "no remote",
                REPORT: {"remote": remote, "name": name, "target_remote": "nobody", "dest": str(tmp_path)},
                "ignore_errors": True,
            },
        ]
    )
    assert [gap["part"] for gap in run.result("no container")["left_out"]] == ["source/container.json"]
    assert "source/server.json" in texts(str(tmp_path / "a.tgz"))
    assert "there is no directory /nowhere/at" in run.result("no place")["msg"]
    assert "nobody is not in the client configuration" in run.result("no remote")["msg"]
