# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules run faster when Python need not compile them anew for every task.

A pipelined module brings some fifty source files in a zip, and Python keeps no compiled code of what it imports from one:
compiling is a third of a module's time in the container. A few lines put into the module's wrapper keep it, by content, in
the home directory of the user that the module runs as.
"""

from __future__ import annotations

# Every version of Ansible's wrapper has this line, after what has to come first in a Python file.
_MARK = b"\n_ANSIBALLZ_WRAPPER = True\n"
_WITHIN = 4096

# Runs in the container, with whatever Python is there. Where anything is not as it should be, the module runs as ever.
# Code read back was written by the same user: nobody else may write to the directory.
_KEEPER = b"""
def _keep_compiled():
    import hashlib, importlib.util, marshal, os, pwd, stat, sys, zipimport
    version = "%s-%s" % (sys.implementation.cache_tag, importlib.util.MAGIC_NUMBER.hex())
    home = pwd.getpwuid(os.geteuid()).pw_dir
    folder = os.path.join(home, ".ansible", "flotilla", "compiled", version)
    os.makedirs(folder, 0o700, exist_ok=True)
    status = os.lstat(folder)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        return
    compile_source = zipimport._compile_source

    def recall(name, source):
        kept = os.path.join(folder, hashlib.sha256(source).hexdigest())
        try:
            with open(kept, "rb") as stream:
                return marshal.load(stream)
        except (OSError, EOFError, ValueError, TypeError):
            code = compile_source(name, source)
        try:
            written = "%s.%d" % (kept, os.getpid())
            with open(written, "wb") as stream:
                marshal.dump(code, stream)
            os.rename(written, kept)
        except OSError:
            pass
        return code

    zipimport._compile_source = recall


try:
    _keep_compiled()
except (OSError, KeyError, AttributeError, ImportError):
    pass
"""


def keep_compiled(script: bytes) -> bytes:
    """Ansible's wrapper of a module, so that its compiled code is kept; any other input as it is."""
    begin = script.find(_MARK, 0, _WITHIN)
    if begin < 0 or not script.startswith(b"#!"):
        return script
    end = begin + len(_MARK)
    return script[:end] + _KEEPER + script[end:]
