# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a bundle and a model differ. The names are those of ``juju diff-bundle``. Source: core/bundle/changes/diff.go of Juju.

Unlike there, a machine that the model has only because a unit needed one is no difference, annotations always count, and an
endpoint without a name in the bundle is any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import constraints
from .applications import series_of
from .bundle import Application, Bundle
from .charm import Charm
from .endpoints import Relations, ends_of, resolved
from .machines import NO_MAP, MachineMap, matched
from .model import Deployed, Model, host_of
from .names import natural
from .placement import NEW, parse

_BUNDLE, _MODEL = "bundle", "model"
_EVERYWHERE = ["0.0.0.0/0", "::/0"]


def differences(
    bundle: Bundle, model: Model, charms: Mapping[str, Charm | None] | None, machine_map: MachineMap = NO_MAP
) -> dict[str, Any]:
    """applications, machines and relations, as far as they differ; empty where nothing does. bundle: one without a problem.

    Each has the value of either side; one that only one side has says on which it is missing. Machines go by the model's
    numbers.
    """
    return _without_empty(
        {
            "applications": _applications(bundle, model),
            "machines": _machines(bundle, model, machine_map),
            "relations": _relations(bundle, model, charms),
        }
    )


def _applications(bundle: Bundle, model: Model) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted({*bundle.applications, *model.applications}, key=natural):
        wanted, there = bundle.applications.get(name), model.applications.get(name)
        if wanted is None or there is None:
            found[name] = {"missing": _BUNDLE if wanted is None else _MODEL}
        else:
            found[name] = _application(wanted, there, series_of(wanted, bundle))
    return _without_empty(found)


def _application(wanted: Application, there: Deployed, series: str) -> dict[str, Any]:
    alike = constraints.parse(wanted.constraints) == constraints.parse(there.constraints)
    return _without_empty(
        {
            "charm": _sides(wanted.charm, there.charm),
            "channel": _sides(wanted.channel, there.channel),
            "revision": _sides(wanted.revision, there.revision),
            "series": _sides(series, there.series),
            "num_units": {} if there.subordinate else _sides(wanted.num_units, len(there.units)),
            "expose": _sides(wanted.exposed, there.exposed),
            "exposed_endpoints": _exposed(wanted, there) if wanted.exposed and there.exposed else {},
            "options": _entries(wanted.options, there.options),
            "annotations": _entries(wanted.annotations, there.annotations),
            "constraints": {} if alike else _sides(wanted.constraints, there.constraints),
        }
    )


def _exposed(wanted: Application, there: Deployed) -> dict[str, Any]:
    """By the endpoint, empty for all of them. What is exposed without a word more is exposed to everybody."""
    said = {name: sorted(each.expose_to_cidrs) for name, each in wanted.exposed_endpoints.items()}
    is_so = {name: sorted(cidrs) for name, cidrs in there.exposed_endpoints.items()}
    return _entries(
        {name: {"expose_to_cidrs": cidrs} for name, cidrs in (said or {"": _EVERYWHERE}).items()},
        {name: {"expose_to_cidrs": cidrs} for name, cidrs in (is_so or {"": _EVERYWHERE}).items()},
    )


def _machines(bundle: Bundle, model: Model, machine_map: MachineMap) -> dict[str, Any]:
    found: dict[str, Any] = {}
    known = matched(bundle, model, machine_map)
    # As in Juju, a machine that nothing else is known of is the one of the same number.
    known.update({number: number for number in {*bundle.machines} & {*model.machines} - {*known.values()} - {*known}})
    for number, machine in bundle.machines.items():
        there = known.get(number)
        if there is None:
            found[number] = {"missing": _MODEL}
            continue
        wanted = machine.series or machine.base or bundle.series or bundle.default_base
        series = model.machine_series.get(there, "")
        found[there] = {
            "annotations": _entries(machine.annotations, model.machines.get(there, {})),
            # Where nobody says it, a machine has that of the units on it.
            "series": _sides(wanted, series) if wanted and series else {},
        }
    for there in {*model.machines} - {*known.values()} - _implied(bundle, model):
        found.setdefault(there, {"missing": _BUNDLE})
    return _without_empty({number: _without_empty(found[number]) for number in sorted(found, key=natural)})


def _implied(bundle: Bundle, model: Model) -> set[str]:
    """Machines that are there for units which the bundle puts on none of its own."""
    return {
        host_of(unit.machine)
        for name, application in bundle.applications.items()
        if len(_on_machines(application)) < application.num_units
        for unit in model.units(name)
    }


def _on_machines(application: Application) -> list[str]:
    places = (parse(text) for text in application.to)
    return [each.machine for each in places if each is not None and each.machine not in ("", NEW)]


def _relations(bundle: Bundle, model: Model, charms: Mapping[str, Charm | None] | None) -> dict[str, Any]:
    wanted = [(resolved(each, bundle, charms), each.ends) for each in bundle.relations]
    there = [(ends_of(each), each) for each in model.relations]
    of_bundle, of_model = Relations(ends for ends, _said in wanted), Relations(ends for ends, _said in there)
    return _without_empty(
        {
            "bundle-additions": _pairs(said for ends, said in wanted if not of_model.has(ends)),
            "model-additions": _pairs(said for ends, said in there if not of_bundle.has_for(ends)),
        }
    )


def _pairs(relations: Iterable[Iterable[str]]) -> list[list[str]]:
    return sorted(sorted(ends) for ends in relations)


def _entries(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: _sides(wanted.get(key), there.get(key)) for key in sorted({*wanted, *there})}
    return {key: sides for key, sides in found.items() if sides}


def _sides(wanted: Any, there: Any) -> dict[str, Any]:
    return {} if wanted == there else {_BUNDLE: wanted, _MODEL: there}


def _without_empty(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in content.items() if value}
