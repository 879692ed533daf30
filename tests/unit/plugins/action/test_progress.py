# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a task's progress is shown, and what stands on the terminal meanwhile."""

from __future__ import annotations

import io
import os
import pty
import signal
import termios
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.plugins.action import normal

from ansible_collections.flotilla.lxd.plugins.plugin_utils import _progress


@pytest.fixture
def printed(monkeypatch, tmp_path):
    """What is sent to the terminal, which is 40 columns wide."""
    shown = []
    monkeypatch.setattr(_progress, "_COLUMNS", 40)
    monkeypatch.setattr(_progress, "_SECONDS_BETWEEN", 0.01)
    monkeypatch.setattr(_progress, "_print", shown.append)
    monkeypatch.setattr(_progress.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return shown


@pytest.fixture
def action():
    """An action plugin without the rest of Ansible. Its task and connection are as given."""

    def make(transport: str = "local", **task):
        made = _progress.ActionModule.__new__(_progress.ActionModule)
        made._connection = SimpleNamespace(transport=transport)
        made._task = SimpleNamespace(
            **{"environment": [{"A": "1"}], "async_val": 0, "check_mode": False, "no_log": False, **task}
        )
        return made

    return make


@pytest.fixture
def module(monkeypatch):
    """Put what is called with the environment in place of running the module."""

    def put(what):
        monkeypatch.setattr(normal.ActionModule, "run", lambda self, tmp, task_vars: what(self._task.environment))

    return put


def wait_for(condition) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def pipe_of(environment) -> Path:
    return Path(environment[-1]["FLOTILLA_PROGRESS"])


def test_a_line_is_shown_and_gone_at_the_end(printed, action, module, tmp_path):
    def work(environment):
        assert environment[0] == {"A": "1"}
        assert pipe_of(environment).stat().st_mode & 0o777 == 0o600
        with pipe_of(environment).open("w") as pipe:
            pipe.write("old\nimport image /srv/\x1b[31mimages/x: 45% (20 MB/s)\n")
        wait_for(lambda: printed)
        return {"changed": True}

    module(work)
    made = action()
    assert made.run(None, {"inventory_hostname": "h1"}) == {"changed": True}
    assert printed == ["\r\x1b[K[h1] impo…v/[31mimages/x: 45% (20 MB/s)\r", "\r\x1b[K"]
    assert len("[h1] impo…v/[31mimages/x: 45% (20 MB/s)") == 39
    assert made._task.environment == [{"A": "1"}]
    assert list(tmp_path.iterdir()) == []


def test_a_module_that_says_nothing_shows_nothing(printed, action, module):
    module(lambda environment: time.sleep(0.05))
    action().run(None, {})
    assert printed == []


def test_nothing_is_left_of_a_task_that_fails(printed, action, module, tmp_path):
    def fail(environment):
        assert pipe_of(environment).exists()
        raise RuntimeError("no")

    module(fail)
    made = action()
    with pytest.raises(RuntimeError):
        made.run(None, {})
    assert list(tmp_path.iterdir()) == []
    assert made._task.environment == [{"A": "1"}]


def test_no_pipe_no_harm(printed, action, module, monkeypatch, tmp_path):
    monkeypatch.setattr(_progress.constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "gone"))
    module(lambda environment: environment)
    assert action().run(None, {}) == [{"A": "1"}]


@pytest.mark.parametrize(
    "task",
    [{"transport": "ssh"}, {"async_val": 60}, {"check_mode": True}, {"no_log": True}],
    ids=lambda task: next(iter(task)),
)
def test_what_nobody_should_watch(printed, action, module, task):
    module(lambda environment: environment)
    assert action(**task).run(None, {}) == [{"A": "1"}]


@pytest.fixture
def terminal(monkeypatch):
    """A stream on a terminal of 100 columns."""
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (25, 100))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("AWX_ISOLATED_DATA_DIR", raising=False)
    with os.fdopen(slave, "w") as stream:
        yield stream
    os.close(master)


def test_a_terminal_is_known_by_its_width(terminal):
    assert _progress.columns_of_a_watched_terminal(terminal) == 100


@pytest.mark.parametrize(("variable", "value"), [("TERM", "dumb"), ("AWX_ISOLATED_DATA_DIR", "/runner")])
def test_a_terminal_that_nobody_looks_at(terminal, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    assert _progress.columns_of_a_watched_terminal(terminal) == 0


def test_a_file_is_no_terminal(terminal, tmp_path):
    with (tmp_path / "log").open("w") as stream:
        assert _progress.columns_of_a_watched_terminal(stream) == 0
    assert _progress.columns_of_a_watched_terminal(io.StringIO()) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_ends_a_worker_waits_until_the_line_is_written(monkeypatch, tmp_path, number):
    showing, interrupted_while = threading.Event(), []

    def show(_text):
        showing.set()
        time.sleep(0.2)
        showing.clear()

    monkeypatch.setattr(_progress, "_print", show)
    monkeypatch.setattr(_progress.constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    before = signal.signal(number, lambda *_arguments: interrupted_while.append(showing.is_set()))
    try:
        with _progress._shown("web1") as pipe:
            with open(pipe, "w", encoding="utf-8") as told:
                told.write("half\n")
            assert showing.wait(5)
            os.kill(os.getpid(), number)
            time.sleep(0.1)
        assert interrupted_while == [False]
    finally:
        signal.signal(number, before)
