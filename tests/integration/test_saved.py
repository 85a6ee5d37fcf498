#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is saved is a configuration again: by ebbctl and as SPDK's client does it."""

import json
import os
import resource
import signal
import stat
import subprocess

import spdk_config
from harness import BUILD, Daemon, RpcError, Skip, run, run_command, test, wait_for

EBBCTL = BUILD / "ebbctl"
UUID = "01234567-89ab-cdef-0123-456789abcdef"


def save_as_spdk_does(daemon):
    """What rpc.py's save_config makes of the same answers."""
    sections = []
    seen = set()
    with daemon.client() as client:
        for subsystem in client.call("framework_get_subsystems"):
            assert set(subsystem["depends_on"]) <= seen, subsystem
            seen.add(subsystem["subsystem"])
            config = client.call(
                "framework_get_config", name=subsystem["subsystem"], with_batches=False
            )
            sections.append({"subsystem": subsystem["subsystem"], "config": config})
    return json.dumps({"subsystems": sections}, indent=2) + "\n"


def load_as_spdk_does(daemon, text):
    """What rpc.py's load_config does with a file; the methods that it has left out."""
    sections = [section for section in json.loads(text)["subsystems"] if section["config"]]
    with daemon.client() as client:
        known = client.call("rpc_get_methods", include_aliases=True)
        for section in sections:
            for entry in section["config"]:
                assert entry["method"] in known, entry
        found = True
        while found and sections:
            found = False
            allowed = client.call("rpc_get_methods", current=True)
            for section in sections:
                for entry in list(section["config"]):
                    if entry["method"] in allowed:
                        client.call(entry["method"], **entry.get("params", {}))
                        section["config"].remove(entry)
                        found = True
            sections = [section for section in sections if section["config"]]
            if "framework_start_init" in allowed:
                client.call("framework_start_init")
                found = True
    return [entry["method"] for section in sections for entry in section["config"]]


def saved(daemon):
    return daemon.ebbctl("save_config").stdout


def entries(text):
    """{section: [method]} of a saved configuration."""
    return {
        section["subsystem"]: [entry["method"] for entry in section["config"] or []]
        for section in json.loads(text)["subsystems"]
    }


def make_everything(daemon):
    """One of each kind of thing that needs no hardware, by RPC."""
    lcore = daemon.rpc("framework_get_reactors")["reactors"][0]["lcore"]
    file = daemon.disk("file.img", 1 << 20)
    other = daemon.disk("other.img", 1 << 20)
    daemon.rpc("bdev_null_create", name="n", num_blocks=8, block_size=512, uuid=UUID)
    daemon.rpc("bdev_null_create", name="m", num_blocks=8, block_size=4096)
    daemon.rpc("bdev_uring_create", name="u", filename=str(file), readonly=True)
    daemon.rpc("bdev_aio_create", name="a", filename=str(other), block_size=4096)
    daemon.rpc("nbd_start_export", bdev_name="n", path=str(daemon.sockets / "n.nbd"))
    daemon.rpc("nbd_start_export", bdev_name="n", path=str(daemon.sockets / "n2.nbd"),
               export_name="second", read_only=True)
    daemon.rpc("nbd_start_export", bdev_name="m", address="127.0.0.1", port=0)
    daemon.rpc("bdev_nvme_set_options", retry_count=7)
    daemon.rpc("bdev_nvme_set_options", timeout_us=1000000)
    daemon.rpc("reactor_set_mode", lcore=lcore, mode="adaptive", spin_us_max=30)
    daemon.rpc("reactor_set_interrupt_mode", lcore=lcore, disable_interrupt=False)


WITH_OPTIONS = {
    "subsystems": [
        {"subsystem": "bdev", "config": [
            {"method": "bdev_set_options", "params": {"bdev_io_pool_size": 64}}]}
    ]
}
EVERYTHING = {
    "bdev": ["bdev_set_options", "bdev_nvme_set_options", "bdev_null_create", "bdev_null_create",
             "bdev_uring_create", "bdev_uring_create"],
    "nbd": ["nbd_start_export"] * 3,
    "reactor": ["reactor_set_mode"],
}


def everything_saved(folder_of):
    """A configuration with everything in it, saved from a daemon that ends; its files stay."""
    with Daemon(config=WITH_OPTIONS) as daemon:
        make_everything(daemon)
        text = saved(daemon)
        for name in ("file.img", "other.img"):
            os.link(daemon.folder / name, folder_of.folder / name)
        moved = text.replace(str(daemon.folder), str(folder_of.folder))
        return moved.replace(str(daemon.sockets), str(folder_of.sockets))


@test
def all_that_was_asked_for_is_saved():
    with Daemon(config=WITH_OPTIONS) as daemon:
        make_everything(daemon)
        text = saved(daemon)
        found = {name: methods for name, methods in entries(text).items() if methods}
        assert found == EVERYTHING, found
        assert text == save_as_spdk_does(daemon)
        daemon.rpc("bdev_null_delete", name="m")
        daemon.rpc("nbd_stop_export", export_name="second")
        assert len(entries(saved(daemon))["bdev"]) == 5
        assert entries(saved(daemon))["nbd"] == ["nbd_start_export"]


@test
def what_is_saved_is_loaded_and_saved_the_same():
    daemon = Daemon()
    daemon.config = text = everything_saved(daemon)
    with daemon:
        assert saved(daemon) == text, saved(daemon)
        # By what was saved, not by what it was loaded from.
        daemon.rpc("bdev_null_create", name="later", num_blocks=8, block_size=512)
        daemon.config = saved(daemon)
        assert daemon.config != text
        assert daemon.stop() == 0
        daemon.start()
        assert saved(daemon) == daemon.config


@test
def load_config_starts_a_daemon_that_waits():
    for load in ("ebbctl", "spdk"):
        daemon = Daemon("--wait-for-rpc", wait="startup")
        text = everything_saved(daemon)
        with daemon:
            if load == "ebbctl":
                (daemon.folder / "saved.json").write_text(text)
                done = daemon.ebbctl("load_config", daemon.folder / "saved.json")
                assert done.stdout == done.stderr == "", done
            else:
                assert load_as_spdk_does(daemon, text) == []
            assert daemon.rpc("framework_get_state")["state"] == "running"
            assert saved(daemon) == text, (load, saved(daemon))


@test
def load_config_starts_one_that_waits_with_nothing_to_do():
    with Daemon("--wait-for-rpc", wait="startup") as daemon:
        path = daemon.folder / "empty.json"
        path.write_text('{"subsystems": [{"subsystem": "bdev", "config": []}]}')
        daemon.ebbctl("load_config", path)
        assert daemon.rpc("framework_get_state")["state"] == "running"


@test
def what_is_too_late_for_a_running_daemon_is_left_out():
    daemon = Daemon()
    text = everything_saved(daemon)
    with daemon:
        path = daemon.folder / "saved.json"
        path.write_text(text)
        done = daemon.ebbctl("load_config", path)
        assert "config[0] bdev_set_options: left out" in done.stderr, done
        assert "only before framework_start_init" in done.stderr, done
        assert done.stderr.count("\n") == 1, done
        left = entries(saved(daemon))["bdev"]
        assert left == EVERYTHING["bdev"][1:], left
    daemon = Daemon()
    text = everything_saved(daemon)
    with daemon:
        assert load_as_spdk_does(daemon, text) == ["bdev_set_options"]


@test
def one_subsystem_is_saved_and_loaded():
    with Daemon() as daemon:
        make_everything(daemon)
        path = daemon.folder / "nbd.json"
        daemon.ebbctl("save_subsystem_config", "nbd", path)
        first = json.loads(path.read_text())
        assert first["subsystem"] == "nbd" and len(first["config"]) == 3, first
        for name in ("n", "second", "m"):
            daemon.rpc("nbd_stop_export", export_name=name)
        assert entries(saved(daemon))["nbd"] == []
        daemon.ebbctl("load_subsystem_config", path)
        assert json.loads(daemon.ebbctl("save_subsystem_config", "nbd").stdout) == first
        done = daemon.ebbctl("save_subsystem_config", "nbds", check=False)
        assert done.returncode == 1 and '"nbds" is not known' in done.stderr, done
    with Daemon("--wait-for-rpc", wait="startup") as daemon:
        section = json.dumps(WITH_OPTIONS["subsystems"][0])
        command = [EBBCTL, "-s", daemon.rpc_socket, "load_subsystem_config"]
        subprocess.run(command, input=section, text=True, check=True)
        assert daemon.rpc("framework_get_state")["state"] == "startup"
        daemon.rpc("framework_start_init")
        assert entries(saved(daemon))["bdev"] == ["bdev_set_options"]


@test
def a_file_with_mistakes_is_not_loaded():
    config = {"subsystems": [{"subsystem": "bdev", "config": [
        {"method": "bdev_null_create", "params": {"name": "a", "num_blocks": 8, "block_size": 512}},
        {"method": "bdev_null_create", "params": {"name": "b", "num_blocks": "many"}},
        {"method": "no_such"},
    ]}, {"subsystem": "bdevs", "config": []}]}
    with Daemon() as daemon:
        path = daemon.folder / "wrong.json"
        path.write_text(json.dumps(config))
        done = daemon.ebbctl("load_config", path, check=False)
        assert done.returncode == 1 and done.stderr.count("\n") == 3, done
        for part in ("config[1] bdev_null_create", "config[2] no_such", 'subsystems[1] "bdevs"'):
            assert part in done.stderr, (part, done.stderr)
        assert daemon.rpc("bdev_get_bdevs") == []
        path.write_text('{"subsystems": [\n  {]\n}')
        done = daemon.ebbctl("load_config", path, check=False)
        assert done.returncode == 1 and "line 2, column 4" in done.stderr, done
        done = daemon.ebbctl("load_config", daemon.folder / "missing", check=False)
        assert done.returncode == 1 and "No such file" in done.stderr, done


@test
def a_call_that_fails_ends_the_load_and_is_named():
    def null(name):
        params = {"name": name, "num_blocks": 8, "block_size": 512}
        return {"method": "bdev_null_create", "params": params}

    config = {"subsystems": [{"subsystem": "bdev", "config": [null("a"), [null("a")], null("b")]}]}
    with Daemon() as daemon:
        path = daemon.folder / "twice.json"
        path.write_text(json.dumps(config))
        done = daemon.ebbctl("load_config", path, check=False)
        assert done.returncode == 1, done
        place = f'{path}: subsystems[0] "bdev", config[1][0] bdev_null_create: '
        assert place in done.stderr and "exists already" in done.stderr, done.stderr
        assert [bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")] == ["a"]


@test
def a_file_is_replaced_whole_or_not_at_all():
    with Daemon() as daemon:
        daemon.rpc("bdev_null_create", name="n", num_blocks=8, block_size=512, uuid=UUID)
        folder = daemon.folder / "etc"
        folder.mkdir()
        path = folder / "ebbd.json"
        path.write_text("old")
        path.chmod(0o640)
        command = [EBBCTL, "-s", daemon.rpc_socket, "save_config", path]

        def full_disk():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

        done = run_command(command, preexec_fn=full_disk)
        assert done.returncode == 1 and str(path) in done.stderr, done
        assert "File too large" in done.stderr and done.stdout == "", done
        assert path.read_text() == "old"
        assert [entry.name for entry in folder.iterdir()] == ["ebbd.json"]
        daemon.ebbctl("save_config", path)
        assert path.read_text() == saved(daemon)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        # An ebbd that does not answer leaves it alone, too.
        daemon.stop()
        done = run_command(command)
        assert done.returncode == 1 and "there is no socket" in done.stderr, done
        assert UUID in path.read_text()
        assert [entry.name for entry in folder.iterdir()] == ["ebbd.json"]


@test
def a_file_is_not_written_to_a_pipe():
    with Daemon() as daemon:
        for path, what in (("/dev/stdout", "it is a pipe"), (daemon.folder, "it is a directory"),
                           ("/dev/null", "it is a device")):
            done = daemon.ebbctl("save_config", path, check=False)
            assert done.returncode == 1 and done.stdout == "", done
            assert f"cannot write {path}: {what}" in done.stderr, done.stderr
            assert "leave FILE out" in done.stderr, done.stderr


@test
def load_config_tells_which_bdevs_still_wait():
    latency = {"avg_read_latency": 1, "p99_read_latency": 1,
               "avg_write_latency": 1, "p99_write_latency": 1}
    calls = [{"method": "bdev_delay_create",
              "params": {"name": "d", "base_bdev_name": "none", **latency}},
             {"method": "bdev_error_create", "params": {"base_name": "later"}},
             {"method": "bdev_error_create", "params": {"base_name": "never"}},
             {"method": "bdev_null_create",
              "params": {"name": "later", "num_blocks": 8, "block_size": 512}}]
    config = json.dumps({"subsystems": [{"subsystem": "bdev", "config": calls}]})
    for args, options in (((), {}), (("--wait-for-rpc",), {"wait": "startup"})):
        with Daemon(*args, **options) as daemon:
            path = daemon.folder / "waits.json"
            path.write_text(config)
            done = daemon.ebbctl("load_config", path)
            lines = done.stderr.splitlines()
            assert len(lines) == 2, done.stderr
            assert "'d'" in lines[0] and "waits for its base 'none'" in lines[0], lines
            assert "'EE_never'" in lines[1] and "waits for its base 'never'" in lines[1], lines
            daemon.rpc("bdev_null_create", name="none", num_blocks=8, block_size=512)
            assert daemon.rpc("bdev_get_bdevs", name="d")


@test
def framework_get_config_tells_of_one_subsystem():
    with Daemon() as daemon:
        assert daemon.rpc("framework_get_config", name="bdev") == []
        assert daemon.rpc("framework_get_config", name="nvme", with_batches=True) is None
        for params in ({"name": "bdevs"}, {}, {"name": 1}, {"name": "bdev", "batches": 1}):
            try:
                daemon.rpc("framework_get_config", **params)
                raise AssertionError(f"taken: {params}")
            except RpcError as error:
                assert error.code == -32602, error
    with Daemon("--wait-for-rpc", wait="startup") as daemon:
        try:
            daemon.rpc("framework_get_config", name="bdev")
            raise AssertionError("it told of what is not there yet")
        except RpcError as error:
            assert error.code == -1, error


@test
def wrong_usage_is_told():
    with Daemon() as daemon:
        for words in (["save_config", "a", "b"], ["load_config", "a", "b"],
                      ["save_subsystem_config"], ["save_subsystem_config", "a", "b", "c"]):
            done = daemon.ebbctl(*words, check=False)
            assert done.returncode == 2 and words[0] in done.stderr, (words, done)
        for word in ("save_config", "load_config", "save_subsystem_config",
                     "load_subsystem_config"):
            assert word in daemon.ebbctl(word, "--help").stdout
            assert word in daemon.ebbctl("--help").stdout


def spdk_target(daemon, **options):
    """What SPDK has saved, with the bdevs whose kinds this build has; and the names of those."""
    with Daemon() as probe:
        methods = probe.rpc("rpc_get_methods", include_aliases=True)
    files = [daemon.disk(name, 1 << 20) for name in ("aio.img", "uring.img")]
    if "bdev_wait_for_examine" not in methods:
        raise Skip("what changes nothing of SPDK's is no method of this build")
    bdevs = [bdev for bdev in spdk_config.bdevs(files) if bdev["method"] in methods]
    names = {f"EE_{bdev['params']['base_name']}" if bdev["method"] == "bdev_error_create"
             else bdev["params"]["name"] for bdev in bdevs}
    return spdk_config.target(bdevs, **options), names, methods


@test
def what_an_spdk_target_saves_loads_unchanged():
    daemon = Daemon()
    daemon.config, names, _ = spdk_target(daemon)
    with daemon:
        found = {bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")}
        assert found == names, (found, names)
        log = daemon.log()
        levels = {line.split()[2] for line in log.splitlines()}
        assert "error" not in levels, log
        notices = [line for line in log.splitlines() if "no such subsystem" in line]
        assert len(notices) == 1 and "iobuf (1 entry)" in notices[0], notices
        assert "vhost" not in notices[0] and "scsi (" not in notices[0].replace("iscsi", "")
        first = saved(daemon)
        # From here on it is a file of ebb's.
        daemon.config = first
        assert daemon.stop() == 0
        daemon.start()
        assert saved(daemon) == first


@test
def load_config_takes_what_an_spdk_target_saves():
    for load in ("ebbctl", "spdk"):
        daemon = Daemon("--wait-for-rpc", wait="startup")
        config, names, methods = spdk_target(daemon)
        if load == "spdk" and "framework_set_scheduler" not in methods:
            raise Skip("framework_set_scheduler is no method of this build")
        with daemon:
            if load == "ebbctl":
                (daemon.folder / "spdk.json").write_text(json.dumps(config))
                daemon.ebbctl("load_config", daemon.folder / "spdk.json")
            else:
                assert load_as_spdk_does(daemon, json.dumps(config)) == []
            found = {bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")}
            assert found == names, (load, found, names)


@test
def a_pcie_controller_of_an_spdk_file_is_looked_for():
    controller = spdk_config.nvme_controller("Nvme0", "ffff:1f:1f.7")
    daemon = Daemon("--json-ignore-init-errors")
    daemon.config, names, _ = spdk_target(daemon, controllers=[controller])
    with daemon:
        errors = [line for line in daemon.log().splitlines() if "passed over" in line
                  and " error config" in line]
        assert len(errors) == 1, errors
        assert "bdev_nvme_attach_controller: " in errors[0] and "ffff:1f:1f.7" in errors[0], errors
        found = {bdev["name"] for bdev in daemon.rpc("bdev_get_bdevs")}
        assert found == names, (found, names)
        # It is wanted all the same.
        assert "ffff:1f:1f.7" in saved(daemon)


@test
def what_is_taken_away_is_not_saved():
    with Daemon() as daemon:
        make_everything(daemon)
        for bdev in daemon.rpc("bdev_get_bdevs"):
            kind = "null" if bdev["name"] in ("n", "m") else "uring"
            daemon.rpc(f"bdev_{kind}_delete", name=bdev["name"])
        left = {name: methods for name, methods in entries(saved(daemon)).items() if methods}
        # What is set is no object, and stays.
        assert left == {"bdev": ["bdev_nvme_set_options"], "reactor": ["reactor_set_mode"]}, left


@test
def an_option_given_by_rpc_takes_the_place_of_the_files():
    with Daemon("--wait-for-rpc", wait="startup") as daemon:
        daemon.rpc("bdev_set_options", bdev_io_pool_size=8192, bdev_io_cache_size=128,
                   bdev_auto_examine=False)
        daemon.rpc("framework_start_init")
        assert daemon.rpc("framework_wait_init") is True
        text = saved(daemon)
    with Daemon("--wait-for-rpc", wait="startup", config=text) as daemon:
        daemon.rpc("bdev_set_options", bdev_io_pool_size=16384, bdev_io_cache_size=256,
                   bdev_auto_examine=True)
        daemon.rpc("framework_start_init")
        config = daemon.rpc("framework_get_config", name="bdev")
        options = {"bdev_io_pool_size": 16384}  # the others change nothing
        assert config == [{"method": "bdev_set_options", "params": options}], config


@test
def what_is_saved_needs_no_rpc():
    daemon = Daemon()
    text = everything_saved(daemon)
    try:
        (daemon.folder / "saved.json").write_text(text)
        command = [BUILD / "ebbd", "--no-rpc", "--json", daemon.folder / "saved.json"]
        with open(daemon.log_path, "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log)
        try:
            wait_for(lambda: "state: running" in daemon.log(), "it runs")
            assert (daemon.sockets / "n.nbd").exists()
            done = run_command([EBBCTL, "-s", daemon.rpc_socket, "save_config"])
            assert done.returncode == 1, done
        finally:
            process.terminate()
            assert process.wait(20) == 0, daemon.log()
    finally:
        daemon.remove()


run()
