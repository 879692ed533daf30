# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook that moves a container, as a process with all that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from lab.settings import CHECKOUT

_MARK = "FLOTILLA_FAULTS"
_LONGEST = 240.0


class Playbook:
    """A playbook that runs. Its workers have sessions of their own: they are known by a variable that they inherit."""

    def __init__(self, options: dict[str, Any], directory: Path, environment: dict[str, str]) -> None:
        tasks = [{"name": "move", "flotilla.lxd.migrate": options}]
        interpreter = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
        file = directory / "move.yml"
        file.write_text(
            yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "vars": interpreter, "tasks": tasks}])
        )
        self.hung = False
        self._mark = f"{_MARK}={uuid.uuid4().hex}"
        name, value = self._mark.split("=")
        self._output = (directory / f"{value}.log").open("w+")
        self.process = subprocess.Popen(
            [str(CHECKOUT / ".venv" / "bin" / "ansible-playbook"), str(file)],
            cwd=directory,
            env={**os.environ, **environment, name: value, "ANSIBLE_LOCALHOST_WARNING": "false"},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._output,
            start_new_session=True,
        )

    def is_over(self) -> bool:
        return self.process.poll() is not None

    def wait(self) -> bool:
        """Wait for it and for all it started, and make an end of what hangs. Returns whether it went well."""
        end = time.monotonic() + _LONGEST
        while not self.is_over() or self._processes():
            if time.monotonic() > end:
                self.hung = True
                self.kill_all()
            time.sleep(0.05)
        return self.process.returncode == 0

    def kill_all(self) -> None:
        while found := self._processes():
            for pid in found:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
            time.sleep(0.02)

    @property
    def text(self) -> str:
        self._output.flush()
        self._output.seek(0)
        return self._output.read()

    def _processes(self) -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if self._mark.encode() in entry.read_bytes().split(b"\0"):
                    found.append(int(entry.parent.name))
        return found
