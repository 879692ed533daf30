# SPDX-License-Identifier: GPL-3.0-or-later
"""CRIU for the daemons: it writes running processes to files and restores them, elsewhere if need be.

Debian 12's fails on newer kernels ("Unexpected rt vDSO area bounds"). So it is Debian 13's on every release: unpacked with
its libraries, not installed, and run through its own dynamic loader by a wrapper that the daemons find on their PATH.
"""

from __future__ import annotations

import shutil

from lab import apt
from lab.run import run
from lab.settings import BUILD, CRIU

SUITE = "trixie"
PROGRAM = CRIU / "bin" / "criu"
# The daemons name an AppArmor profile in any case; CRIU refuses to restore it where the kernel has none.
WRAPPER = """\
#!/bin/sh
# Written by the lab of flotilla.lxd.
skip=
for argument; do
    shift
    if [ -n "$skip" ]; then
        skip=
    elif [ "$argument" = --lsm-profile ] && [ ! -d /sys/kernel/security/apparmor ]; then
        skip=1
    else
        set -- "$@" "$argument"
    fi
done
exec {loader} --library-path {libraries} {criu} "$@"
"""


def provide() -> bool:
    """Have it. Returns whether anything was to do. Raises LabError where it cannot be had or does not work."""
    if PROGRAM.exists():
        return False
    scratch = BUILD / "criu"
    for package in apt.download("criu", SUITE, scratch / "packages"):
        run("dpkg-deb", "--extract", str(package), str(scratch / "root"))
    if CRIU.exists():
        shutil.rmtree(CRIU)
    (scratch / "root").rename(CRIU)
    loader = next(CRIU.glob("usr/lib/*/ld-linux*.so.*"))
    wrapper = scratch / PROGRAM.name
    wrapper.write_text(WRAPPER.format(loader=loader, libraries=loader.parent, criu=CRIU / "usr" / "sbin" / "criu"))
    wrapper.chmod(0o755)
    run(str(wrapper), "check")
    PROGRAM.parent.mkdir()
    # Under its name only once it is known to work on this kernel.
    wrapper.rename(PROGRAM)
    shutil.rmtree(scratch)
    return True


def version() -> str | None:
    """Its version; None if the lab has none."""
    return run(str(PROGRAM), "--version").split()[1] if PROGRAM.exists() else None
