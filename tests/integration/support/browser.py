# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real browser without a window, told what to do through its debugging protocol (chromedevtools.github.io)."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from websockets.sync.client import connect

COMMAND = "chromium-headless-shell"
_SECONDS = 20


class Browser:
    """One page. requests: the addresses that it asked for; complaints: what it wrote to its console."""

    def __init__(self, directory: Path) -> None:
        # The tests run as root, for whom Chromium has no sandbox.
        options = ["--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", f"--user-data-dir={directory}"]
        # The command is a script that starts the browser: both are ended as one group.
        self._process = subprocess.Popen(
            [COMMAND, *options, "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._number = 0
        self._session = ""
        self._open = ExitStack()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        try:
            port = _awaited(directory / "DevToolsActivePort").splitlines()
            address = f"ws://127.0.0.1:{port[0]}{port[1]}"
            self._socket = self._open.enter_context(connect(address, max_size=None, open_timeout=_SECONDS))
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Network", "Log", "Runtime"):
                self._call(f"{domain}.enable")
        except BaseException:
            self._end(signal.SIGKILL)
            raise

    def close(self) -> None:
        self._open.close()
        self._end(signal.SIGTERM)

    def _end(self, by: signal.Signals) -> None:
        os.killpg(self._process.pid, by)
        self._process.wait(_SECONDS)

    def open(self, path: Path, *, dark: bool = False, scripts: bool = True, width: int = 1280) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self._call("Page.navigate", url=path.as_uri())
        self._until("Page.loadEventFired")

    def ask(self, expression: str) -> Any:
        """The value of an expression of JavaScript, evaluated beside the page."""
        answer = self._call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """All of the page, as PNG."""
        answer = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters, **session}))
        while True:
            message = self._received()
            if message.get("id") == self._number:
                assert "error" not in message, message
                return message["result"]

    def _until(self, event: str) -> None:
        while self._received().get("method") != event:
            pass

    def _received(self) -> dict[str, Any]:
        message = json.loads(self._socket.recv(timeout=_SECONDS))
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        elif message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])
        elif message.get("method") == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(message["params"]["args"]))
        return message


def _awaited(path: Path) -> str:
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        # Both lines are needed: the port and the path.
        if path.exists() and path.read_text().count("\n") == 1:
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{COMMAND} did not start")
