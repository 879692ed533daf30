# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiled code is kept by content, and only where nobody else can write."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import textwrap
import zipfile

import pytest

from ansible_collections.flotilla.lxd.plugins.plugin_utils._connection.compiled import keep_compiled

WRAPPER = b"""#!/usr/bin/python3
from __future__ import annotations
_ANSIBALLZ_WRAPPER = True
print("wrapped")
"""


@pytest.mark.parametrize(
    "script",
    [
        b"",
        b"echo hello\n",
        b"_ANSIBALLZ_WRAPPER = True\n",
        b"#!/bin/sh\n" + b"#" * 5000 + b"\n_ANSIBALLZ_WRAPPER = True\n",
    ],
)
def test_other_input_is_left_alone(script):
    assert keep_compiled(script) == script


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a wrapper that imports a module from a zip, as a user whose home directory is tmp_path/home."""
    (tmp_path / "home").mkdir()
    archive = tmp_path / "modules.zip"

    def call(source: str) -> str:
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("module.py", source)
        home = tmp_path / "home"
        start = textwrap.dedent(f"""\
            #!/usr/bin/python3
            import pwd, sys
            entry = type("Entry", (), {{"pw_dir": {str(home)!r}}})
            pwd.getpwuid = lambda uid: entry
            _ANSIBALLZ_WRAPPER = True
            sys.path.insert(0, {str(archive)!r})
            import module
            """)
        command = [sys.executable, "-"]
        done = subprocess.run(command, input=keep_compiled(start.encode()), capture_output=True, check=True)
        assert done.stderr == b""
        return done.stdout.decode()

    call.folder = tmp_path / "home" / ".ansible" / "flotilla" / "compiled"
    return call


def kept(run):
    return [path for path in run.folder.rglob("*") if path.is_file()]


def test_code_is_kept_by_content(run):
    assert run("print('one')") == "one\n"
    (first,) = kept(run)
    assert run("print('one')") == "one\n" and kept(run) == [first]
    assert run("print('two')") == "two\n" and len(kept(run)) == 2
    assert run("print('one')") == "one\n"


def test_kept_code_is_what_runs(run):
    run("print('one')")
    (one,) = kept(run)
    run("print('two')")
    (two,) = set(kept(run)) - {one}
    one.write_bytes(two.read_bytes())
    assert run("print('one')") == "two\n"


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"\xe3\x00\x00"])
def test_a_damaged_file_is_made_anew(run, rubbish):
    run("print('one')")
    (path,) = kept(run)
    path.write_bytes(rubbish)
    assert run("print('one')") == "one\n"
    assert path.read_bytes() != rubbish


def test_a_folder_that_others_can_write_to_is_not_used(run):
    run("print('one')")
    (path,) = kept(run)
    path.unlink()
    path.parent.chmod(0o777)
    assert run("print('one')") == "one\n" and kept(run) == []


def test_where_nothing_can_be_written_the_module_runs_all_the_same(run):
    run.folder.parents[2].joinpath(".ansible").write_text("a file in the way")
    assert run("print('one')") == "one\n"


def test_home_is_that_of_the_user_the_module_runs_as():
    assert pwd.getpwuid(os.geteuid()).pw_dir
    assert b"pwd.getpwuid(os.geteuid())" in keep_compiled(WRAPPER)
