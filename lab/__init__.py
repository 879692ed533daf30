# SPDX-License-Identifier: GPL-3.0-or-later
"""Four real daemons on one machine, two LXD and two Incus, to develop and test against.

``python3 -m lab up`` brings them up, ``status`` says what is there, ``down`` takes everything away again.
docs/lab.md is the page for whoever uses it.
"""
