# Copyright: the flotilla.lxd developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client configuration: reading it, and writing it so that nothing is lost."""

from __future__ import annotations

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from ansible_collections.flotilla.lxd.plugins.module_utils._api.errors import ConfigurationError, InvalidInput
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.absent import ensure_absent
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.commands import INCUS_COMMAND, LXC_COMMAND
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.configuration import Configuration
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.keys import ClientKey, generate
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.place import (
    Place,
    find,
    place_for_image_server,
    refuse_builtin,
    remove,
    store,
)
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.present import ensure_present
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.standing import Standing
from ansible_collections.flotilla.lxd.plugins.module_utils._remotes.wanted import Options

PEM = generate("server")[0].decode()
ENTRY = {"addr": "https://a:8443", "protocol": "lxd", "public": False}


def place(home, name="foo", command=LXC_COMMAND):
    return Place(name, Configuration.load(command, home.environment))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("remotes:\n  a:\n    addr: [\n", "line 4"),
        ("remotes: [a]\n", "remotes is not a map"),
        ("remotes: {a: b}\n", "remote a is not a map"),
        ("just text", "remotes is not a map"),
    ],
)
def test_a_broken_file_is_named(home, text, words):
    path = home.write("lxc", text)
    with pytest.raises(ConfigurationError, match=words) as failure:
        Configuration.load(LXC_COMMAND, home.environment)
    assert str(path) in str(failure.value)


def test_the_machines_own_configuration_lies_below_the_users(home):
    home.write("machine-lxc", "remotes: {foo: {addr: 'https://m:8443'}, bar: {addr: 'https://m:8443'}}\n")
    home.write("lxc", "remotes: {foo: {addr: 'https://u:8443'}}\n")
    own, inherited = place(home), place(home, "bar")
    assert own.entry.address == "https://u:8443" and not own.inherited
    assert inherited.entry.address == "https://m:8443" and inherited.inherited
    assert inherited.entry.server_certificate_file == str(home.directory / "machine-lxc" / "servercerts" / "bar.crt")


def test_the_machines_own_configuration_is_added_to_but_not_changed(home):
    before = "default-remote: m\nremotes: {m: {addr: 'https://m', protocol: simplestreams, public: true}}\n"
    path = home.write("machine-incus", before)
    same = ensure_present(Options("m", addr="https://m"), home.environment, check=False)
    assert not same.result()["changed"]
    with pytest.raises(InvalidInput, match="whole machine"):
        ensure_present(Options("m", addr="https://n"), home.environment, check=False)
    with pytest.raises(InvalidInput, match="whole machine"):
        ensure_absent("m", home.environment)
    mirror = Options("n", addr="https://n", protocol="simplestreams", client_config="incus")
    assert ensure_present(mirror, home.environment, check=False).result()["actions"] == ["add"]
    assert place(home, "m", INCUS_COMMAND).standing().default
    assert path.read_text() == before


def test_several_addresses(home):
    home.write(
        "incus", "remotes: {foo: {addr: 'https://a:8443,https://b:8443', last_working_address: 'https://b:8443'}}\n"
    )
    entry = place(home, command=INCUS_COMMAND).entry
    assert entry.addresses == ["https://b:8443", "https://a:8443"] and entry.address == "https://b:8443"


def test_a_first_remote_does_not_cost_the_command_its_image_server(home):
    store(place(home), Standing(ENTRY), None, home.environment)
    content = yaml.safe_load((home.directory / "lxc" / "config.yml").read_text())
    assert content["remotes"]["foo"] == ENTRY
    assert content["remotes"]["images"]["protocol"] == "simplestreams"
    assert content["default-remote"] == "local"


def test_what_is_not_ours_is_kept(home):
    before = "aliases: {sh: exec}\ndefault-remote: bar\nremotes: {bar: {addr: 'https://b:8443', keepalive: 30}}\n"
    path = home.write("lxc", before)
    path.chmod(0o640)
    store(place(home), Standing(ENTRY), None, home.environment)
    content = yaml.safe_load(path.read_text())
    assert content == {
        "aliases": {"sh": "exec"},
        "default-remote": "bar",
        "remotes": {"bar": {"addr": "https://b:8443", "keepalive": 30}, "foo": ENTRY},
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    remove(place(home), home.environment)
    assert yaml.safe_load(path.read_text()) == yaml.safe_load(before)


def test_a_link_to_the_file_stays_one(home):
    path = home.write("elsewhere", "remotes: {}\n")
    (home.directory / "lxc").mkdir()
    (home.directory / "lxc" / "config.yml").symlink_to(path)
    store(place(home), Standing(ENTRY), None, home.environment)
    assert (home.directory / "lxc" / "config.yml").is_symlink() and "foo" in path.read_text()


def test_several_writers_at_once_do_not_lose_each_others_work(home):
    names = [f"r{number}" for number in range(20)]
    places = [place(home, name) for name in names]
    with ThreadPoolExecutor(max_workers=20) as pool:
        list(pool.map(lambda one: store(one, Standing(ENTRY), PEM, home.environment), places))
    assert set(Configuration.load(LXC_COMMAND, home.environment).entries) == {*names, "images"}
    assert len(os.listdir(home.directory / "lxc" / "servercerts")) == 20


def test_the_default_remote_is_set_and_nothing_takes_it_away(home):
    store(place(home), Standing(ENTRY, default=True), None, home.environment)
    store(place(home, "bar"), Standing(ENTRY), None, home.environment)
    assert place(home).standing().default


def test_the_certificate_comes_and_goes_with_the_entry(home):
    store(place(home), Standing(ENTRY), PEM, home.environment)
    file = home.directory / "lxc" / "servercerts" / "foo.crt"
    assert file.read_text() == PEM and place(home).standing().fingerprint
    store(place(home), Standing(ENTRY), None, home.environment)
    assert not file.exists()
    store(place(home), Standing(ENTRY), PEM, home.environment)
    remove(place(home), home.environment)
    assert not file.exists()


def test_a_client_certificate_for_one_remote_is_honoured_and_goes_with_it(home):
    own, common = home.directory / "incus" / "clientcerts", home.directory / "incus" / "client.key"
    own.mkdir(parents=True)
    for file in (own / "foo.crt", own / "foo.key", own / "bar.key", common):
        file.write_text("x")
    there = place(home, command=INCUS_COMMAND)
    assert there.entry_or_empty().client_files() == (str(own / "foo.crt"), str(own / "foo.key"))
    remove(there, home.environment)
    assert os.listdir(own) == ["bar.key"] and common.exists()


def test_a_broken_certificate_is_named(home):
    home.write("lxc", "remotes: {foo: {addr: 'https://a:8443'}}\n")
    file = home.directory / "lxc" / "servercerts" / "foo.crt"
    file.parent.mkdir()
    file.write_text("no certificate")
    with pytest.raises(ConfigurationError, match=str(file)):
        place(home).standing()


def test_where_it_cannot_be_written(home):
    (home.directory / "lxc").write_text("no directory")
    with pytest.raises(ConfigurationError, match="cannot use"):
        store(Place("foo", Configuration(LXC_COMMAND, str(home.directory / "lxc"))), Standing(ENTRY), None, {})


def test_a_name_in_both_configurations(home):
    for command in ("lxc", "incus"):
        home.write(command, "remotes: {foo: {addr: 'https://a:8443'}}\n")
    with pytest.raises(ConfigurationError, match="choose by client_config"):
        find("foo", "auto", home.environment)
    _configurations, found = find("foo", "incus", home.environment)
    assert found.configuration.command is INCUS_COMMAND


def test_an_image_server_goes_into_the_only_configuration(home):
    home.write("incus", "remotes: {}\n")
    configurations, _found = find("mirror", "auto", home.environment)
    assert place_for_image_server("mirror", configurations).configuration.command is INCUS_COMMAND
    home.write("lxc", "remotes: {}\n")
    configurations, _found = find("mirror", "auto", home.environment)
    with pytest.raises(InvalidInput, match="choose by client_config"):
        place_for_image_server("mirror", configurations)


def test_what_is_built_in_cannot_be_changed(home):
    with pytest.raises(InvalidInput, match="built into the lxc command"):
        refuse_builtin(place(home, "ubuntu"))
    refuse_builtin(place(home, "images"))
    refuse_builtin(place(home, "ubuntu", INCUS_COMMAND))


def test_the_client_key_is_made_once(tmp_path):
    key = ClientKey(str(tmp_path / "c" / "client.crt"), str(tmp_path / "c" / "client.key"))
    assert not key.exists
    key.make()
    made = (tmp_path / "c" / "client.key").read_bytes()
    assert stat.S_IMODE((tmp_path / "c" / "client.key").stat().st_mode) == 0o600
    assert key.exists and len(key.fingerprint()) == 64
    key.make()
    assert (tmp_path / "c" / "client.key").read_bytes() == made


@pytest.mark.parametrize(("there", "missing"), [("client.crt", "client.key"), ("client.key", "client.crt")])
def test_half_a_client_key_is_nobodys_to_complete(tmp_path, there, missing):
    (tmp_path / there).write_text("x")
    key = ClientKey(str(tmp_path / "client.crt"), str(tmp_path / "client.key"))
    with pytest.raises(ConfigurationError, match=f"{missing} is not"):
        key.make()
    assert (tmp_path / there).read_text() == "x"


def test_without_the_library_for_keys(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    key = ClientKey(str(tmp_path / "client.crt"), str(tmp_path / "client.key"))
    with pytest.raises(ConfigurationError, match="python3-cryptography"):
        key.make()
    assert not key.exists
