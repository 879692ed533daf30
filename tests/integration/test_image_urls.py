# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images from a web server that is neither LXD nor Incus, and what may be wrong with one."""

from __future__ import annotations

import http.server
import json

import pytest
from https_server import serving
from image_files import archive, metadata, sha256
from private_daemon import private_daemon
from three_times import assert_done, three_times

from lab.settings import INCUS, LXD

MODULE = "flotilla.lxd.image"
KINDS = {"lxd-a": LXD, "incus-a": INCUS}


@pytest.fixture
def image(remote, name, command_line):
    """An alias of the test's own; every image of the test is removed afterwards."""
    yield name
    for found in json.loads(command_line(remote, "image", "list", f"{remote}:", "--format=json")):
        if found["properties"].get("test") == name:
            command_line(remote, "image", "delete", f"{remote}:{found['fingerprint']}")


@pytest.fixture
def files(tmp_path, image):
    directory = tmp_path / "files"
    directory.mkdir()
    archive(directory / "unified.tar.gz", {"metadata.yaml": metadata(test=image), "rootfs/etc/issue": b"unified"})
    archive(directory / "metadata.tar.gz", {"metadata.yaml": metadata(test=image)})
    archive(directory / "rootfs.tar.gz", {"etc/issue": b"split"})
    return directory


@pytest.fixture
def asked():
    """What the web server was asked for: method, path, and who asked."""
    return []


@pytest.fixture
def web(files, tmp_path, asked):
    """A web server with the files, pages that name one, and much that is wrong; its URL and its certificate."""
    whole = (files / "unified.tar.gz").read_bytes()
    digest = sha256(files / "unified.tar.gz")
    pages = {
        f"/{kind.lower()}": (200, {f"{kind}-Image-Hash": digest, f"{kind}-Image-URL": "file"}, b"")
        for kind in ("LXD", "Incus")
    }
    # What the servers themselves read.
    named = {"LXD-Image-Hash": digest, "LXD-Image-URL": "https://{host}/unified.tar.gz"}
    pages["/absolute"] = (200, {**named, **{key.replace("LXD", "Incus"): named[key] for key in named}}, b"")
    pages |= {f"/{path.name}": (200, {}, path.read_bytes()) for path in files.iterdir()}
    pages |= {
        "/file": (302, {"Location": "/unified.tar.gz"}, b""),
        "/loop": (302, {"Location": "/loop"}, b""),
        "/plain": (302, {"Location": "http://127.0.0.1/unified.tar.gz"}, b""),
        "/page": (200, {"Content-Type": "text/html"}, b"<!DOCTYPE html><html>Log in first</html>"),
        "/cut": (200, {"Content-Length": str(len(whole))}, whole[:-20]),
        "/no-image": (200, {"LXD-Image-Hash": "0" * 64, "LXD-Image-URL": "/page"}, b""),
    }

    class Pages(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.command, self.path, self.headers["User-Agent"]))
            status, headers, body = pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for key, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(key, value.format(host=self.headers["Host"]))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)
            self.close_connection = True

        do_HEAD = do_GET  # noqa: N815 - the library's name

    with serving(Pages, tmp_path) as (url, certificate):
        yield url, str(certificate)


def test_each_way_to_name_an_image(remote, image, web, files, local_tasks):
    url, certificate = web
    unified = sha256(files / "unified.tar.gz")
    split = {
        "source_url": f"{url}/metadata.tar.gz",
        "rootfs_url": f"{url}/rootfs.tar.gz",
        "fingerprint": sha256(files / "metadata.tar.gz", files / "rootfs.tar.gz"),
    }
    ways = {
        "page of LXD": {"source_url": f"{url}/lxd"},
        "page of Incus": {"source_url": f"{url}/incus", "fingerprint": unified},
        "file": {"source_url": f"{url}/unified.tar.gz", "fingerprint": unified},
        "split": split,
    }
    tasks = []
    for title, options in ways.items():
        wanted = {"remote": remote, "name": image, "ca_path": certificate, **options}
        tasks += three_times({"name": title, MODULE: wanted})
        tasks.append({MODULE: {"remote": remote, "name": image, "state": "absent"}})
    run = local_tasks(tasks)
    for title in ways:
        assert_done(run, title, "import", "alias")
        expected = split["fingerprint"] if title == "split" else unified
        assert run.result(title)["image"]["fingerprint"] == expected, title
        assert run.result(f"{title}, checked")["image"]["fingerprint"] == expected, title


def test_what_may_be_wrong(remote, image, web, files, local_tasks, command_line):
    url, certificate = web
    zeros = "0" * 64
    right = {"source_url": f"{url}/unified.tar.gz", "fingerprint": sha256(files / "unified.tar.gz")}
    cases = {
        "unknown authority": ({"source_url": f"{url}/lxd", "ca_path": None}, "its certificate cannot be trusted"),
        "loop": ({"source_url": f"{url}/loop"}, "infinite loop"),
        "away from HTTPS": ({"source_url": f"{url}/plain"}, "only https:// is fetched"),
        "no headers": ({"source_url": f"{url}/unified.tar.gz"}, "say its SHA-256 as fingerprint"),
        "nothing there": ({"source_url": f"{url}/none"}, "there is nothing (HTTP 404)"),
        "another image": ({"source_url": f"{url}/lxd", "fingerprint": zeros}, f"and {zeros} is asked for"),
        "another hash": ({**right, "fingerprint": zeros}, "fingerprint"),
        "a web page": ({"source_url": f"{url}/page", "fingerprint": zeros}, "is a web page and no image"),
        "a page that names one": ({"source_url": f"{url}/no-image"}, "is a web page and no image"),
        "cut off": ({**right, "source_url": f"{url}/cut"}, "the answer ended too early"),
        "no HTTPS": ({"source_url": "http://127.0.0.1/x"}, "only https://host/path is"),
        "no server": ({"source_url": "https://127.0.0.1:1/x"}, "cannot be reached"),
        "no authorities": ({"source_url": f"{url}/lxd", "ca_path": "/nowhere"}, "/nowhere"),
    }
    tasks = [
        {
            "name": title,
            MODULE: {"remote": remote, "name": image, "ca_path": certificate, **options},
            "ignore_errors": True,
        }
        for title, (options, _text) in cases.items()
    ]
    again = {"name": "right", MODULE: {"remote": remote, "name": image, "ca_path": certificate, **right}}
    run = local_tasks([*tasks, {"name": "after", "flotilla.lxd.image_info": {"remote": remote}}, again])
    for title, (_options, text) in cases.items():
        assert run.result(title)["failed"] and text in run.result(title)["msg"], (title, run.result(title))
    assert not [one for one in run.result("after")["images"] if one["properties"].get("test") == image]
    assert run.result("right")["actions"] == ["import", "alias"]


def test_the_server_fetches_by_itself(remote, web, files, image, asked, local_tasks):
    """Where it knows the authorities, as it does for what is on the internet."""
    url, certificate = web
    with private_daemon(KINDS[remote], megabytes=64, SSL_CERT_FILE=certificate) as socket:
        task = {"url": socket, "name": image, "source_url": f"{url}/absolute"}
        run = local_tasks([*three_times({"name": "import", MODULE: task})], environment={"SSL_CERT_FILE": certificate})
    assert_done(run, "import", "import", "alias")
    assert run.result("import")["image"]["fingerprint"] == sha256(files / "unified.tar.gz")
    (fetched,) = [agent for method, path, agent in asked if (method, path) == ("GET", "/unified.tar.gz")]
    assert fetched != "flotilla.lxd"
