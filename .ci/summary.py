# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Add up the counts of every pytest run whose JUnit file lies in a directory, and print them as pytest does."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree


def summary(directory: Path) -> str:
    total = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    seconds = 0.0
    for path in sorted(directory.glob("*.xml")):
        for suite in ElementTree.parse(path).iter("testsuite"):
            seconds += float(suite.get("time", 0))
            for count in total:
                total[count] += int(suite.get(count, 0))
    passed = total["tests"] - total["failures"] - total["errors"] - total["skipped"]
    words = {"failed": total["failures"], "passed": passed, "skipped": total["skipped"], "errors": total["errors"]}
    counts = ", ".join(f"{count} {word}" for word, count in words.items() if count)
    return f"=== {counts or 'no tests ran'} in {seconds:.2f}s ==="


if __name__ == "__main__":
    print(summary(Path(sys.argv[1])))
