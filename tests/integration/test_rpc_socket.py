#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The RPC socket and the lock beside it: whose they are, and that they are there."""

import os
import shutil
import socket
import stat
import threading
import time

from harness import BUILD, Daemon, Skip, run, run_command, test, wait_for
from limited import Limited, ended, folder_only, is_running
from quiet import assert_quiet


def refused(place, *words):
    """ebbd does not start there, says the words, and waits for nothing."""
    done = ended([BUILD / "ebbd", "--rpc-socket", place.rpc_socket])
    assert done.returncode == 1, done
    assert all(word in done.stderr for word in words), (words, done.stderr)
    assert not place.rpc_socket.exists()


def lock_of(place):
    return place.rpc_socket.with_name(place.rpc_socket.name + ".lock")


@test
def a_file_in_the_lock_s_place_is_not_lost():
    with folder_only() as place:
        lock = lock_of(place)
        for text in ("a letter\n", "12345\n12346\n", " 12345\n", "\n"):
            lock.write_text(text)
            before = lock.stat()
            refused(place, str(lock), "holds something other than a pid", "move it away")
            assert lock.read_text() == text
            assert lock.stat().st_mtime_ns == before.st_mtime_ns
        lock.unlink()
        letter = place.folder / "letter"
        letter.write_text("dear\n")
        lock.symlink_to(letter)
        refused(place, str(lock), "symbolic link")
        assert lock.is_symlink() and letter.read_text() == "dear\n"
        letter.unlink()
        refused(place, str(lock), "symbolic link")
        assert not letter.exists()
        lock.unlink()
        letter.write_text("")
        os.link(letter, lock)
        refused(place, str(lock), "other names")
        assert lock.exists() and letter.exists()
        lock.unlink()
        os.mkfifo(lock)
        refused(place, str(lock), "not a regular file")
        assert stat.S_ISFIFO(lock.stat().st_mode)


@test
def a_dead_daemon_s_lock_is_taken():
    for text in ("", "4194304\n", "1"):
        daemon = Daemon()
        lock_of(daemon).write_text(text)
        with daemon:
            assert lock_of(daemon).read_text() == f"{daemon.process.pid}\n"
            assert daemon.stop() == 0
            assert not lock_of(daemon).exists()


@test
def another_user_s_lock_is_his():
    if os.geteuid() != 0:
        raise Skip("only root can make a file of another user's")
    with folder_only() as place:
        lock = lock_of(place)
        lock.write_text("4194304\n")
        os.chown(lock, 12345, 12345)
        refused(place, str(lock), "another user")
        assert lock.read_text() == "4194304\n"


@test
def the_mode_is_what_was_asked_for_whatever_the_umask():
    for mask in (0o022, 0o777):
        for mode in (0o600, 0o660, 0o666):
            with folder_only() as place:
                option = ["--rpc-socket-mode", f"{mode:o}"]
                with Limited(place, *option, preexec_fn=lambda: os.umask(mask)) as ebbd:
                    assert ebbd.code is None, ebbd.text
                    assert stat.S_IMODE(place.rpc_socket.stat().st_mode) == mode


def is_back(daemon):
    wait_for(lambda: is_running(daemon), "the socket is back")


@test
def a_socket_that_is_removed_comes_back():
    with Daemon() as daemon:
        client = daemon.client()
        for _ in range(3):
            daemon.rpc_socket.unlink()
            is_back(daemon)
        # Who was connected is, still.
        assert client.call("framework_get_state")["state"] == "running"
        away = daemon.rpc_socket.with_suffix(".away")
        daemon.rpc_socket.rename(away)
        is_back(daemon)
        away.unlink()
        lock_of(daemon).unlink()
        daemon.rpc_socket.unlink()
        is_back(daemon)
        assert lock_of(daemon).exists()
        other = daemon.folder / "other"
        other.write_text("")
        os.rename(other, daemon.rpc_socket)
        wait_for(lambda: "cannot be made again" in daemon.log(), "it says so")
        assert "is not a socket" in daemon.log()
        daemon.rpc_socket.unlink()
        is_back(daemon)
        client.close()
        assert_quiet(daemon)


def in_a_folder(daemon):
    """Its socket is in a folder of its own, two levels down; the upper one."""
    upper = daemon.sockets / "u"
    (upper / "d").mkdir(parents=True)
    daemon.rpc_socket = upper / "d" / "r"
    return upper


@test
def a_folder_that_is_removed_and_made_again_has_it_again():
    daemon = Daemon()
    upper = in_a_folder(daemon)
    with daemon:
        for told, removed in enumerate((upper / "d", upper), 1):
            shutil.rmtree(removed)
            says_so = "cannot be made again"
            wait_for(lambda: daemon.log().count(says_so) == told, "it says so")
            if told == 1:
                assert_quiet(daemon)  # it waits for its folder without a wakeup
            assert not removed.exists()
            (upper / "d").mkdir(parents=True)
            is_back(daemon)
        upper.rename(daemon.sockets / "v")
        (upper / "d").mkdir(parents=True)
        is_back(daemon)
        # A start anew, by the same command, says who has it.
        done = ended([BUILD / "ebbd", "--rpc-socket", daemon.rpc_socket])
        assert done.returncode == 1 and "is listening at" in done.stderr, done
        assert daemon.stop() == 0
        assert list((upper / "d").iterdir()) == []


@test
def what_others_do_in_its_folder_wakes_nobody():
    with Daemon() as daemon:

        def litter(stop):
            while not stop.is_set():
                path = daemon.rpc_socket.with_name("litter")
                path.write_text("x")
                path.unlink()
                time.sleep(0.001)

        stop = threading.Event()
        thread = threading.Thread(target=litter, args=(stop,))
        thread.start()
        try:
            assert_quiet(daemon)
        finally:
            stop.set()
            thread.join()


@test
def who_takes_its_path_keeps_it():
    with Daemon() as daemon:
        daemon.rpc_socket.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(daemon.rpc_socket))
            other.listen()
            wait_for(lambda: "another program is listening" in daemon.log(), "it says so")
            inode = daemon.rpc_socket.stat().st_ino
        assert daemon.rpc_socket.stat().st_ino == inode
        daemon.rpc_socket.unlink()
        is_back(daemon)
        assert daemon.log().count("cannot be made again") == 1


@test
def without_a_folder_it_says_what_to_do():
    with folder_only() as place:
        missing = place.sockets / "none" / "r"
        done = ended([BUILD / "ebbd", "--rpc-socket", missing])
        assert done.returncode == 1 and "make its folder" in done.stderr, done
        assert str(missing) in done.stderr
        done = ended([BUILD / "ebbctl", "-s", missing, "status"])
        assert done.returncode == 1 and str(missing) in done.stderr, done


def in_another_run(script, path=None):
    """Run it with a /run of its own, which is empty (or read-only)."""
    if os.geteuid() != 0:
        raise Skip("only root can mount")
    mount = "mount -t tmpfs none /run" + ("" if path is None else f" && {path}")
    command = ["unshare", "--mount", "sh", "-c", f"{mount} || exit 99; {script}"]
    environment = {key: value for key, value in os.environ.items() if key != "EBB_RPC_SOCKET"}
    done = run_command(command, env=environment, timeout=30.0)
    if done.returncode in (99, 1) and "unshare" in done.stderr or done.returncode == 99:
        raise Skip(f"no mounts can be made here: {done.stderr.strip()}")
    return done


@test
def the_folder_of_the_default_socket_is_made():
    script = f"""
    "{BUILD}/ebbd" & pid=$!
    for i in $(seq 500); do "{BUILD}/ebbctl" status >/dev/null 2>&1 && break; sleep 0.01; done
    "{BUILD}/ebbctl" framework_get_state && ls /run/ebb && rm -r /run/ebb
    for i in $(seq 500); do "{BUILD}/ebbctl" status >/dev/null 2>&1 && break; sleep 0.01; done
    "{BUILD}/ebbctl" framework_get_state && stat -c %a /run/ebb; kill $pid; wait $pid; echo end $?"""
    done = in_another_run(script)
    assert done.stdout.count('"running"') == 2 and "end 0" in done.stdout, done
    assert "755" in done.stdout, done


@test
def where_it_cannot_be_made_that_is_said():
    done = in_another_run(f'"{BUILD}/ebbd"', "mount -o remount,ro /run")
    assert done.returncode == 1, done
    assert "/run/ebb" in done.stderr and "--rpc-socket" in done.stderr, done
    done = in_another_run(f'"{BUILD}/ebbctl" status', "mount -o remount,ro /run")
    assert done.returncode == 1 and "/run/ebb/ebb.sock" in done.stderr, done


run()
