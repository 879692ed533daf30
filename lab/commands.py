# SPDX-License-Identifier: GPL-3.0-or-later
"""What `up`, `down` and `status` do."""

from __future__ import annotations

import shutil
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from lab import apt, beside, cgroups, checkout, classic, clients, criu, leftovers, machine, network, packages, processes
from lab import daemon as daemons
from lab.images import store
from lab.lock import held
from lab.run import LabError, run
from lab.settings import CHECKOUT, DAEMONS, ENV_FILE, NAME, PACKAGES_LOCK, STATE, Daemon


def up() -> None:
    """Bring up what is not up; leave alone what is."""
    machine.check()
    with held():
        begun = time.monotonic()
        _have_packages()
        machine.raise_limits()
        classic.clear()
        leftovers.clear_build()
        without_criu = _criu()
        changed = _daemons_with_images()
        if clients.connect():
            changed = True
            _say("remotes connected")
        checkout.write()
        took = time.monotonic() - begun
    print(f"The lab is up ({took:.1f} s).")
    if without_criu:
        print(f"  without CRIU, so nothing is stopped with its state or moved alive: {without_criu}")
    if changed:
        print(_summary())


def down() -> None:
    """Take away everything `up` made on this machine, in whatever state it is, and the labs beside this one."""
    machine.check()
    _take_down_beside()
    with held():
        with held(PACKAGES_LOCK):
            packages.remove_policy()
        with ThreadPoolExecutor() as pool:
            for ended in [pool.submit(_take_down, daemon) for daemon in DAEMONS]:
                ended.result()
        leftovers.clear_build()
        classic.clear(used=True)
        cgroups.clear_pivot()
        network.clear_empty_tables()
        if STATE.exists():
            shutil.rmtree(STATE)
        checkout.remove()
    print("The lab is gone. The Debian packages it uses stay installed", end="")
    print(f", and {apt.BACKPORTS_LIST}." if apt.BACKPORTS_LIST.exists() else ".")


def status() -> bool:
    """Print what is there; returns whether all daemons are up."""
    machine.check()
    ready = True
    for daemon in DAEMONS:
        if processes.server(daemon) is None:
            ready = False
            print(f"{daemon.name:8} {'died' if daemon.directory.exists() else 'down'}")
        elif not daemons.is_up(daemon):
            ready = False
            print(f"{daemon.name:8} does not answer; see {daemon.log}")
        else:
            print(f"{daemon.name:8} {_description(daemon)}")
    version = criu.version()
    print(f"CRIU     {version or 'missing: nothing can be stopped with its state or moved alive'}")
    print("All up." if ready else "Bring it up with `python3 -m lab up`.")
    return ready


def _have_packages() -> None:
    with held(PACKAGES_LOCK):
        packages.remove_policy()
        missing = packages.missing()
        if missing:
            machine.check_space()
            _say(f"installing {' '.join(missing)}")
            packages.install(missing)


def _daemons_with_images() -> bool:
    """Make daemons and images side by side, and bring them together as soon as both are there."""
    for daemon in DAEMONS:
        if processes.server(daemon) is None:
            network.check_subnet(daemon)
    if not all(map(store.is_kept, store.ALL)):
        machine.check_space()
    with ThreadPoolExecutor(max_workers=len(DAEMONS) + len(store.ALL)) as pool:
        images = [pool.submit(_image, image) for image in store.ALL]
        made = [pool.submit(_daemon, daemon, images) for daemon in DAEMONS]
        changed = [each.result() for each in made]
    return any(changed)


def _criu() -> str:
    """Have CRIU where it can be had. Returns why it cannot, "" if it can: most of the lab is worth having without."""
    try:
        if criu.provide():
            _say(f"CRIU {criu.version()} unpacked")
    except LabError as error:
        return str(error)
    return ""


def _daemon(daemon: Daemon, images: list[Future[store.Kept]]) -> bool:
    changed = daemons.ensure(daemon)
    if changed:
        _say(f"{daemon.name} started")
    for image in images:
        kept = image.result()
        if store.provide(daemon, kept):
            changed = True
            _say(f"{daemon.name} has image {kept.alias}")
    return changed


def _image(image: store.Image) -> store.Kept:
    if not store.is_kept(image):
        _say(f"making image {image.alias}")
    try:
        return store.keep(image)
    except LabError as error:
        raise LabError(f"The image {image.alias} could not be built: {error}") from error


def _take_down_beside() -> None:
    """Where a lab has everything is settled by its name when it is imported: another lab is another process."""
    prefix = "flotilla-lab-"
    for lab in beside.names(NAME, (path.name.removeprefix(prefix) for path in STATE.parent.glob(f"{prefix}*"))):
        environment = {"FLOTILLA_LAB_NAME": lab, "PYTHONPATH": str(CHECKOUT)}
        run(sys.executable, "-m", "lab", "down", env=environment, timeout=300)
        _say(f"the lab {lab} beside this one is gone")


def _take_down(daemon: Daemon) -> None:
    processes.terminate(daemon)
    leftovers.clear(daemon)


def _description(daemon: Daemon) -> str:
    version = daemons.query(daemon, "/1.0")["environment"]["server_version"]
    instances = len(daemons.query(daemon, "/1.0/instances"))
    return (
        f"{daemon.kind.title} {version}, https://{daemon.address}, bridge {daemon.bridge} {daemon.gateway},"
        f" containers: {instances}"
    )


def _summary() -> str:
    lines = [f"  {daemon.name:8} {_description(daemon)}" for daemon in DAEMONS]
    first, last = DAEMONS[0], DAEMONS[-1]
    return "\n".join(
        [
            *lines,
            f"  each with the images {' and '.join(image.alias for image in store.ALL)}",
            f"Use it:  . {ENV_FILE.relative_to(CHECKOUT)}",
            f"         {Path(first.kind.client).name} launch {first.name}:busybox {first.name}:c1   (or debian/12)",
            f"         {Path(last.kind.client).name} list {last.name}:",
            f"Take it down:  {f'FLOTILLA_LAB_NAME={NAME} ' if NAME else ''}python3 -m lab down",
        ]
    )


def _say(text: str) -> None:
    # In one piece: several threads say something.
    print(f"lab: {text}\n", end="", flush=True)
