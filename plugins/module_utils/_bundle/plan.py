# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes to have what a bundle says, given what is there. Source: core/bundle/changes of Juju.

Only ever more: a plan removes nothing, moves no unit, and resets nothing that the bundle does not name.
"""

from __future__ import annotations

from collections.abc import Mapping

from .._api.errors import InvalidInput
from .applications import changed, plan_applications
from .bundle import Bundle, Relation
from .changes import AddMachine, AddRelation, AddUnit, Change, SetAnnotations
from .charm import Charm
from .draft import Draft
from .endpoints import Relations, ends_of, resolved
from .findings import Finding, quoted
from .machines import NO_MAP, MachineMap
from .model import Model
from .names import natural
from .roles import Roles
from .storage import parse_storage
from .units import UnitPlanner


def plan(
    bundle: Bundle,
    model: Model,
    roles: Roles,
    charms: Mapping[str, Charm | None] | None,
    machine_map: MachineMap = NO_MAP,
) -> list[Change]:
    """The changes in an order in which they can be made. bundle: one that has no problem.

    Raises InvalidInput where machines of the bundle cannot be told from those that are there.
    """
    draft = Draft(bundle, model, machine_map)
    plan_applications(draft, roles)
    for number in sorted(bundle.machines, key=natural):
        _plan_machine(draft, number)
    there = Relations(map(ends_of, model.relations))
    for relation in bundle.relations:
        _plan_relation(draft, relation, charms, there)
    UnitPlanner(draft).plan()
    _check_machines(draft)
    return draft.ordered()


def unheeded(bundle: Bundle, model: Model) -> list[Finding]:
    """What the bundle says of applications that are there, and what comes too late, as in Juju."""
    found = []
    for name in sorted({*bundle.applications} & {*model.applications}, key=natural):
        application, deployed = bundle.applications[name], model.applications[name].storage
        for key, said in application.storage.items():
            there = deployed.get(key)
            if there is None or parse_storage(there) != parse_storage(said):
                before = "without a word of it" if there is None else f"as {quoted(there)}"
                found.append(
                    Finding(
                        f"storage {quoted(key)} of application {quoted(name)} stays as it is, and that of new units will be"
                        f" the same: it was deployed {before}, and {quoted(said)} comes too late, as in Juju. An"
                        " application that is removed and deployed again gets it",
                        application.at("storage", key),
                    )
                )
    return found


def _plan_machine(draft: Draft, number: str) -> None:
    bundle, machine = draft.bundle, draft.bundle.machines[number]
    there = draft.matched.get(number)
    if there is None:
        new = draft.numbers.machine()
        series = machine.series or machine.base or bundle.series or bundle.default_base
        draft.machines[number] = draft.add(AddMachine(new, machine.constraints, series, number))
        target, requires = f"new machine {new}", [draft.machines[number]]
    else:
        target, requires = f"existing machine {there}", []
    annotations = changed(draft.model.machines.get(there or "", {}), machine.annotations)
    if annotations:
        draft.add(SetAnnotations(target, annotations), *requires)


def _plan_relation(
    draft: Draft, relation: Relation, charms: Mapping[str, Charm | None] | None, there: Relations
) -> None:
    ends = resolved(relation, draft.bundle, charms)
    if there.has(ends):
        return
    requires = [draft.deployed[end.application] for end in ends if end.application in draft.deployed]
    draft.add(AddRelation(ends, (relation.ends[0], relation.ends[1])), *requires)


def _check_machines(draft: Draft) -> None:
    """A new machine on which nothing comes to stand is one that is there, under another number."""
    used = {
        required
        for change, requires in zip(draft.changes, draft.requires)
        for required in requires
        if isinstance(change, (AddMachine, AddUnit))
    }
    for number in (number for number, adding in draft.machines.items() if adding not in used):
        there = sorted({*draft.model.machines} - {*draft.matched.values()}, key=natural)
        perhaps = f", perhaps on {', '.join(there)} of the model" if there else ""
        hosts = sorted(name for name, each in draft.bundle.applications.items() if number in each.to)
        raise InvalidInput(
            f"bundle and machine mapping are inconsistent: nothing would be put on bundle machine {quoted(number)}, for the"
            f" units of {', '.join(hosts)} are there already{perhaps}"
        )
