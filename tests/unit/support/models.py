# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model is after the changes of a plan: as a server would have it, but without one."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.flotilla.lxd.plugins.module_utils._bundle import changes
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.model import Deployed, Model, Unit, host_of


def applied(model: Model, plan: list[changes.Change]) -> Model:
    for change in plan:
        model = _applied(model, change)
    return model


def _applied(model: Model, change: changes.Change) -> Model:
    if isinstance(change, changes.Deploy):
        wanted = change.application
        deployed = Deployed(
            wanted.charm,
            change.series,
            wanted.channel,
            wanted.revision,
            wanted.bindings,
            options=wanted.options,
            constraints=wanted.constraints,
        )
        return replace(model, applications={**model.applications, wanted.name: deployed})
    if isinstance(change, changes.UpgradeCharm):
        wanted = change.application
        origin = {"channel": wanted.channel, "revision": wanted.revision, "bindings": wanted.bindings}
        return _changed(model, wanted.name, charm=wanted.charm, series=change.series, **origin)
    if isinstance(change, changes.SetOrigin):
        there = model.applications[change.application]
        return _changed(
            model,
            change.application,
            channel=change.channel or there.channel,
            revision=there.revision if change.revision is None else change.revision,
            bindings={**there.bindings, **change.bindings},
        )
    if isinstance(change, changes.Expose):
        open_to = {name: each.expose_to_cidrs for name, each in change.endpoints.items()}
        return _changed(model, change.application, exposed=True, exposed_endpoints=open_to)
    if isinstance(change, changes.SetOptions):
        options = {**model.applications[change.application].options, **change.options}
        return _changed(model, change.application, options=options)
    if isinstance(change, changes.SetConstraints):
        return _changed(model, change.application, constraints=change.constraints)
    if isinstance(change, changes.SetAnnotations):
        if " machine " in change.target:
            return _with_machine(model, change.target.split()[-1], change.annotations)
        annotations = {**model.applications[change.target].annotations, **change.annotations}
        return _changed(model, change.target, annotations=annotations)
    if isinstance(change, changes.AddMachine):
        return _with_machine(model, change.machine, {})
    if isinstance(change, changes.AddRelation):
        return replace(model, relations=(*model.relations, (str(change.ends[0]), str(change.ends[1]))))
    if isinstance(change, changes.AddUnit):
        units = (*model.applications[change.application].units, Unit(change.number, change.machine))
        return _with_machine(_changed(model, change.application, units=units), host_of(change.machine), {})
    assert isinstance(change, changes.AddCharm)
    return model


def _changed(model: Model, application: str, **fields) -> Model:
    deployed = replace(model.applications[application], **fields)
    return replace(model, applications={**model.applications, application: deployed})


def _with_machine(model: Model, machine: str, annotations) -> Model:
    known = model.machines.get(machine, {})
    return replace(model, machines={**model.machines, machine: {**known, **annotations}})
