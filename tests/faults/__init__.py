# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Break migrations between real daemons, in every way and at every moment, and see whether a container is ever lost.

``python -m tests.faults --rounds 100`` does it in a lab of its own, so nobody else's daemons are killed. A round makes a
container, starts a playbook that moves, copies or refreshes it, does some harm, and undoes the harm. Then there has to be a
complete container, the source of a copy has to be as it was, and the same playbook has to finish the job.

``plan`` draws which ``faults`` are done to which ``flows`` at which ``moments``, and ``rounds`` plays it in the ``world``.
"""
