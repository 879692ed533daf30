# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m benchmarks [--runs N] [connection] [image] [inventory] [model] [module] [migrate]`, with `.lab/env` sourced."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import connection, image, inventory, migrate, model, module
from benchmarks.environment import peers, versions
from benchmarks.race import race
from benchmarks.report import Row, table

BENCHMARKS = {
    "connection": connection.prepared,
    "image": image.prepared,
    "inventory": inventory.prepared,
    "model": model.prepared,
    "module": module.prepared,
    "migrate": migrate.prepared,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("benchmarks", nargs="*", metavar="benchmark", help=", ".join(BENCHMARKS))
    parser.add_argument("--runs", type=int, default=5, help="how often each command is timed (5)")
    arguments = parser.parse_args()
    unknown = set(arguments.benchmarks) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(BENCHMARKS)}")

    environment = peers()
    print(f"{versions(environment)}; medians of {arguments.runs} runs, in turn, after one that does not count\n")
    rows = []
    for name in arguments.benchmarks or BENCHMARKS:
        with tempfile.TemporaryDirectory(prefix="flotilla-bench-") as scratch:
            print(f"{name} ...", flush=True)
            with BENCHMARKS[name](Path(scratch)) as contests:
                rows += [Row(contest, race(contest, environment, arguments.runs)) for contest in contests]
    print()
    print(table(rows))


if __name__ == "__main__":
    main()
