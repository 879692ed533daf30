# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's images: made from Debian packages, as no image server may be in reach."""
