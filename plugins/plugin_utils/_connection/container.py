# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container as tasks see it: commands are run in it, and files copied into and out of it."""

from __future__ import annotations

import os
import posixpath
from functools import cached_property

from ...module_utils._api import files
from ...module_utils._api.client import Client, path
from ...module_utils._api.deadline import REQUEST_SECONDS, Deadline
from ...module_utils._api.errors import ApiError, FlotillaError, Forbidden, NotAvailable, NotFound
from . import users
from .dialogue import Task, TerminalTask
from .execution import Command, Ending, execute
from .local_files import MissingFile, TransferFailed, opened, replacing, transfer_deadline

FROZEN = 110
RUNNING = 103


class Container:
    """One container, used as one of its users. The connection to its remote is kept open between calls."""

    def __init__(self, client: Client, name: str, user: str, seconds: float) -> None:
        """user: a name or a number; seconds: within which the server has to answer a request. Nothing is sent yet."""
        self._client = client
        self.name = name
        self._user_name = user
        self._seconds = seconds

    def __str__(self) -> str:
        """As the commands write it."""
        return f"{self.remote}:{self.name}"

    @property
    def remote(self) -> str:
        return self._client.remote

    @cached_property
    def user(self) -> users.User:
        try:
            return users.find(self._client, self.name, self._user_name, Deadline(self._seconds))
        except ApiError as error:
            raise self._why(error) from error

    def run(self, argv: list[str], task: Task) -> Ending:
        """Run a command as the user, in their home directory. Raises NotAvailable, UnknownUser and what execute() does."""
        terminal = False
        if isinstance(task, TerminalTask):
            argv, terminal = task.wrap(argv), True
        if self.user is users.ROOT:
            command = Command(argv, terminal=terminal)
        else:
            user = self.user
            command = Command(argv, user.uid, user.gid, user.home, user.environment, terminal)
        try:
            return execute(self._client, self.name, command, task, self._seconds)
        except ApiError as error:
            raise self._why(error) from error

    def put(self, source: str, destination: str) -> None:
        """Copy a file of the controller into the container; it belongs to the user and keeps its mode.

        Raises MissingFile for source, and TransferFailed when the server cannot write to destination.
        """
        destination = self._absolute(destination)
        with opened(source) as content:
            status = os.fstat(content.fileno())
            owner = files.Attributes(self.user.uid, self.user.gid, status.st_mode & 0o7777)
            deadline = transfer_deadline(status.st_size)
            try:
                files.push(self._client, self.name, destination, content, owner, deadline)
                self._correct_mode(destination, owner)
            except ApiError as error:
                raise self._why_not_written(destination, error) from error

    def fetch(self, source: str, destination: str) -> None:
        """Copy a file of the container to the controller, whole or not at all; it gets the mode that the umask leaves it.

        Raises MissingFile for source, TransferFailed when it is no file, or when destination cannot be written.
        """
        source = self._absolute(source)
        with replacing(destination) as content:
            try:
                # How long the whole of it takes does not matter, only that it goes on.
                found = files.pull(self._client, self.name, source, content, Deadline(REQUEST_SECONDS))
            except NotFound as error:
                missing = MissingFile(f"remote {self.remote}: {source} does not exist in container {self.name}")
                raise self._why(error, missing) from error
            except ApiError as error:
                raise self._why(error, TransferFailed(str(error))) from error
            content.mode = found.mode

    def close(self) -> None:
        """Hang up. The next call connects again."""
        self._client.transport.close()

    def _absolute(self, name: str) -> str:
        """The files API knows no home directories."""
        return name if name.startswith("/") else posixpath.join(self.user.home, name)

    def _correct_mode(self, name: str, wanted: files.Attributes) -> None:
        """Of a file that was there already the servers leave the mode as it is, some of them whatever they are told."""
        if self._client.server.can(files.MODIFY_PERMISSIONS):
            return
        found = files.look(self._client, self.name, name, Deadline(self._seconds))
        if found.mode == wanted.mode or wanted.mode is None:
            return
        task = Task()
        ending = execute(self._client, self.name, Command(["chmod", f"{wanted.mode:o}", name]), task, self._seconds)
        if ending.code:
            said = task.stderr.decode(errors="replace").strip() or ending.remark
            raise TransferFailed(
                f"remote {self.remote}: cannot change the mode of {name} in container {self.name}: {said}"
            )

    def _why(self, error: ApiError, otherwise: FlotillaError | None = None) -> FlotillaError:
        """What is behind a refusal: only now is the container looked at. It may be the container, or not."""
        if isinstance(error, Forbidden):
            return error
        try:
            found = self._client.find(path("instances", self.name), doing=f"look at container {self.name}")
        except FlotillaError as worse:
            return worse
        if found is None:
            project = f" in project {self._client.project}" if self._client.project else ""
            return NotAvailable(f"remote {self.remote}: there is no container {self.name}{project}")
        status = int(found.metadata["status_code"])
        # Files of a container that does not run can be had all the same.
        if status == RUNNING or (otherwise is not None and status != FROZEN):
            return otherwise or error
        return NotAvailable(f"remote {self.remote}: container {self.name} is {str(found.metadata['status']).lower()}")

    def _why_not_written(self, destination: str, error: ApiError) -> FlotillaError:
        reason = error.text
        parent = posixpath.dirname(destination)
        if isinstance(error, NotFound):
            reason = f"the directory {parent} does not exist"
        what = f"remote {self.remote}: cannot write {destination} in container {self.name}: {reason}"
        return self._why(error, TransferFailed(what))
