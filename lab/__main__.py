# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``python3 -m lab up|down|status``."""

from __future__ import annotations

import argparse
import os
import sys

from lab import commands
from lab.run import LabError


def main() -> int:
    """Return the exit code: 0, or 1 if it failed or (status) the lab is not up."""
    parser = argparse.ArgumentParser(prog="python3 -m lab", description="Real LXD and Incus daemons on one machine.")
    parser.add_argument("command", choices=["up", "down", "status"])
    command = parser.parse_args().command
    try:
        if command == "up":
            commands.up()
        elif command == "down":
            commands.down()
        elif not commands.status():
            return 1
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted. `up` starts over what is not finished, `down` clears it.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read the output went away, and what is still in the buffer has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


sys.exit(main())
