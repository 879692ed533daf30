# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-core 2.18 does differently from its successors in templating host variables."""

from __future__ import annotations

from typing import Any, cast

import ansible.template

# From 2.19 on, only text that is marked as trusted is ever a template, and ours is not.
_TRUST_IS_MARKED = hasattr(ansible.template, "trust_as_template")


def never_templated(variables: dict[str, Any]) -> dict[str, Any]:
    """The variables, with the text from a server in them safe from being taken for templates."""
    if _TRUST_IS_MARKED:
        return variables
    from ansible.utils.unsafe_proxy import wrap_var

    return cast("dict[str, Any]", wrap_var(variables))


def holds(templar: Any, condition: Any, variables: dict[str, Any]) -> bool:
    """Whether a condition is true of a host, as ``when`` has it. Raises what Ansible's templates raise."""
    templar.available_variables = variables
    if _TRUST_IS_MARKED:
        return bool(templar.evaluate_conditional(condition))
    return str(templar.template(f"{{% if {condition} %}}True{{% endif %}}", convert_data=False)) == "True"
