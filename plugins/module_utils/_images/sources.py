# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of a task to the source they name."""

from __future__ import annotations

from dataclasses import dataclass

from .copy import CopySource, Where
from .file import FileSource, ImageFile
from .publish import ContainerSource, Origin
from .source import Source
from .url import Address, UrlSource


@dataclass(frozen=True)
class Options:
    """The options of the image module that say where an image comes from; at most one of the sources.

    predicting: check mode.
    """

    state: str
    source: str | None = None
    source_project: str | None = None
    mode: str = "pull"
    type: str = "container"
    copy_aliases: bool = False
    client_config: str = "auto"
    file: str | None = None
    rootfs: str | None = None
    source_url: str | None = None
    rootfs_url: str | None = None
    ca_path: str | None = None
    fingerprint: str | None = None
    source_container: str | None = None
    allow_stop: bool = False
    stop_timeout: int = 30
    compression: str | None = None
    predicting: bool = False


def chosen(options: Options) -> Source | None:
    """The source, or None where none is named. Raises InvalidInput."""
    if options.source:
        where = Where(options.source, options.type, options.source_project, options.client_config)
        thorough = (
            options.copy_aliases or options.state == "refreshed" or options.predicting or bool(options.fingerprint)
        )
        return CopySource(where, options.mode, options.fingerprint, thorough=thorough)
    if options.file:
        return FileSource(ImageFile(options.file, options.rootfs), options.fingerprint, predicting=options.predicting)
    if options.source_url:
        address = Address(options.source_url, options.rootfs_url, options.ca_path, options.type)
        return UrlSource(address, options.fingerprint)
    if options.source_container:
        return ContainerSource(
            Origin(options.source_container, options.allow_stop, options.stop_timeout, options.compression)
        )
    return None
