# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bundles and charms of the tests' own."""

from __future__ import annotations

import textwrap

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.read import read
from ansible_collections.flotilla.lxd.plugins.module_utils._bundle.roles import Roles


class Directory:
    """A directory with a bundle, its overlays, and roles that play charms."""

    def __init__(self, path):
        self.path = path

    def write(self, name, text):
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
        return str(file)

    def charm(self, name, metadata, options=()):
        """A role that plays a charm, and takes these options: names with their types."""
        self.write(f"roles/{name}/meta/charm.yml", metadata)
        specs = "".join(f"\n      {option}: {{type: {kind}}}" for option, kind in dict(options).items())
        self.write(f"roles/{name}/meta/argument_specs.yml", f"argument_specs:\n  main:\n    options:{specs or ' {}'}\n")

    def read(self, text, *overlays, charms=False, names=()):
        """The bundle and its overlays; charms: look at the roles as well."""
        files = [self.write(f"overlay-{number}.yaml", each) for number, each in enumerate(overlays)]
        paths = (str(self.path / "roles"),) if charms else ()
        return read(self.write("bundle.yaml", text), files, Roles(dict(names), paths))

    def problems(self, text, *overlays, **options):
        """Those with a bundle, as told() has them."""
        return self.told(self.read(text, *overlays, **options).findings.problems)

    @staticmethod
    def told(findings):
        """(line, text) of each, in order."""
        return sorted((finding.place.line, finding.text) for finding in findings)


@pytest.fixture
def directory(tmp_path):
    return Directory(tmp_path)
