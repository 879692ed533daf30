# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on loopback that hangs up before it has said anything."""

from __future__ import annotations

import socket
import threading

import pytest

from ansible_collections.flotilla.lxd.plugins.module_utils._api.deadline import Deadline
from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import Unreachable
from ansible_collections.flotilla.lxd.plugins.module_utils._api.fetch import fetch


def test_a_connection_that_breaks_off_before_the_answer_is_tried_once_more():
    taken = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up():
            while True:
                try:
                    connection, _address = server.accept()
                except OSError:
                    return
                taken.append(connection.recv(1))
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(Unreachable), fetch(url, deadline=Deadline(10)):
            pass
    assert len(taken) == 2
