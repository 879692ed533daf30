# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``python -m tests.faults --rounds 100 --seed 1``."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# Never the lab that others use: its daemons are killed. Another name, and there can be two runs at once.
os.environ["FLOTILLA_LAB_NAME"] = os.environ.get("FLOTILLA_FAULTS_LAB") or "faults"
ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "integration" / "support")]

from lab import criu, daemon  # noqa: E402
from lab.settings import DAEMONS  # noqa: E402
from tests.faults import plan, rounds, table, world  # noqa: E402


def main() -> int:
    """Return 1 if a container was lost, a second run did not finish the job, or not all rounds were played."""
    arguments = _arguments()
    played: list[table.Played] = []
    with world.world(keep=arguments.keep) as here:
        versions = _versions()
        print(f"seed {arguments.seed}; {', '.join(f'{name} {version}' for name, version in versions.items())}")
        has_criu = criu.PROGRAM.exists()
        if not has_criu:
            print("The lab has no CRIU: nothing is moved alive.")
        only = {"fault": arguments.fault, "flow": arguments.flow, "live": has_criu}
        chosen = plan.draw(arguments.rounds, arguments.seed, **only)
        if arguments.only:
            chosen = [this for this in chosen if this.number in arguments.only]
        try:
            _play(here, chosen, played, verbose=arguments.verbose)
        except KeyboardInterrupt:
            pass  # the verdict says that rounds are missing
        finally:
            _report(played, len(chosen), arguments.seed, versions, arguments.json)
    return 0 if table.is_well(played, len(chosen)) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Break migrations, and see what is left."
    )
    parser.add_argument("--rounds", type=int, default=33, help="how many; the default takes some minutes")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 10**6, help="to have the same rounds again")
    parser.add_argument("--only", type=int, nargs="*", help="of these rounds only those of these numbers")
    parser.add_argument("--fault", default="", help="only faults with this text in their name")
    parser.add_argument("--flow", default="", help="only flows with this text in theirs, as in 'move live' or 'push'")
    parser.add_argument("--json", type=Path, help="write all rounds to this file")
    parser.add_argument("--verbose", action="store_true", help="show what the first run said")
    parser.add_argument("--keep", action="store_true", help="leave the lab up, which saves some seconds the next time")
    return parser.parse_args()


def _play(here: world.World, chosen: Sequence[rounds.Round], played: list[table.Played], *, verbose: bool) -> None:
    for this in chosen:
        begun = time.monotonic()
        outcome = rounds.play(here, this)
        played.append((this, outcome))
        took = time.monotonic() - begun
        print(f"{this.number:4}/{chosen[-1].number} {took:5.1f} s  {table.line(this, outcome)}", flush=True)
        if outcome.said and verbose:
            print(f"       {outcome.said}", flush=True)
        if outcome.problem:
            print(outcome.problem, flush=True)


def _report(
    played: Sequence[table.Played], planned: int, seed: int, versions: Mapping[str, str], file: Path | None
) -> None:
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(table.content(played, seed, versions))
    print(f"\n{table.tables(played)}\n\n{table.verdict(played, planned)}", flush=True)


def _versions() -> dict[str, str]:
    servers = {one.kind.title: daemon.query(one, "/1.0")["environment"]["server_version"] for one in DAEMONS}
    return {**servers, "CRIU": criu.version() or "none", "kernel": platform.release()}


if __name__ == "__main__":
    sys.exit(main())
