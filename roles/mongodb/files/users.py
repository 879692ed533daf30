# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make MongoDB's administrator, and for each application a user with the database of its own name; print who was made.

users.py PORT DIRECTORY-OF-PASSWORDS [APPLICATION]...
"""

from __future__ import annotations

import sys
from pathlib import Path

import pymongo

NO_SUCH_LOGIN = 18


def connect(port: int, user: str, password: str) -> pymongo.MongoClient:
    return pymongo.MongoClient("127.0.0.1", port, username=user, password=password, serverSelectionTimeoutMS=30000)


def can_log_in(client: pymongo.MongoClient) -> bool:
    try:
        client.admin.command("ping")
    except pymongo.errors.OperationFailure as error:
        if error.code != NO_SUCH_LOGIN:
            raise
        return False
    return True


def main(port: int, passwords: Path, applications: list[str]) -> None:
    secret = (passwords / ".admin").read_text()
    admin = connect(port, "admin", secret)
    if not can_log_in(admin):
        # From this machine, and as long as there is no user, no login is needed to make the first.
        anonymous = pymongo.MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=30000)
        anonymous.admin.command("createUser", "admin", pwd=secret, roles=["root"])
        sys.stdout.write("admin\n")
    for application in applications:
        database = admin[application]
        if not database.command("usersInfo", application)["users"]:
            password = (passwords / application).read_text()
            roles = [{"role": "readWrite", "db": application}]
            database.command("createUser", application, pwd=password, roles=roles)
            sys.stdout.write(f"{application}\n")


main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
