# SPDX-License-Identifier: GPL-3.0-or-later
"""Run commands, and the one error the lab ends with."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Mapping

from lab.settings import clean_environment


class LabError(Exception):
    """What went wrong, in a sentence for whoever called the lab."""


def run(*command: str, env: Mapping[str, str] | None = None, stdin: str = "", timeout: float = 60) -> str:
    """Return what `command` printed. Raises LabError with its complaint if it fails or takes `timeout` seconds."""
    shown = textwrap.shorten(" ".join(command), 100, placeholder=" ...")
    try:
        done = subprocess.run(
            command,
            check=False,
            env=clean_environment(env),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except FileNotFoundError as error:
        raise LabError(f"{command[0]} is not installed.") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`{shown}` did not end within {timeout:.0f} seconds.") from error
    if done.returncode:
        raise LabError(
            f"`{shown}` failed ({done.returncode}): {_complaint(done.stderr.strip() or done.stdout.strip())}"
        )
    return done.stdout


def _complaint(output: str) -> str:
    """What a person needs of a failed command's output: the lines it calls errors itself, or else the last ones."""
    lines = output.splitlines()
    errors = [line for line in lines if line.startswith(("E:", "Error:", "[ERROR]:"))]
    return "\n".join(errors[:3] or lines[-5:])


def succeeds(*command: str, env: Mapping[str, str] | None = None, timeout: float = 60) -> bool:
    """Whether `command` ends well; for what may fail without harm."""
    try:
        run(*command, env=env, timeout=timeout)
    except LabError:
        return False
    return True
