# SPDX-License-Identifier: Apache-2.0
"""Files that are not there, not complete, not files, or do not respond: at the start, and while the gateway
runs."""

import os
import signal
import subprocess
import time

import pytest

from evalrun_testing.child_process import TIMEOUT, ChildProcess, clean_environment
from evalrun_testing.client import Client
from evalrun_testing.gateway import GatewayProcess, gateway_command, run_gateway

UPSTREAM = "http://127.0.0.1:1/v2"  # nobody listens there
RULES = """
authorization:
  rules:
    - identities: [dns:a.test]
      workspaces: ['*']
"""


def replace(path, content):
    """Replaces a file in one step, as deployments do."""
    new_file = path.with_name("new")
    new_file.write_text(content, encoding="utf-8")
    os.replace(new_file, path)


@pytest.fixture(name="config")
def _config(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("log: {level: info}\n", encoding="utf-8")
    return path


@pytest.fixture(name="key")
def _key(tmp_path):
    path = tmp_path / "key"
    path.write_text("first-key", encoding="utf-8")
    return path


@pytest.fixture(name="gateway")
def _gateway(config, key):
    with GatewayProcess(UPSTREAM, api_key="", flags=["--config", config, "--api-key-file", key]) as gateway:
        yield gateway


def wait_for_count(gateway, event, count):
    """Waits until the gateway has logged `count` events of this name, and returns the last of them."""
    end = time.monotonic() + TIMEOUT
    while True:
        found = [one for one in gateway.events if one["event"] == event]
        if len(found) >= count:
            return found[count - 1]
        assert time.monotonic() < end, f"{len(found)} events {event}: {gateway.events}"
        time.sleep(0.05)


@pytest.mark.parametrize("flag", ["--config", "--api-key-file", "--tls-certificate-file",
                                  "--upstream-ca-file", "--limits-redis-password-file",
                                  "--limits-redis-ca-file", "--tracing-ca-file", "--audit"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
@pytest.mark.parametrize("check", [True, False])
def test_only_regular_files_are_opened_at_the_start(tmp_path, flag, kind, check):
    path = {"pipe": tmp_path / "pipe", "folder": tmp_path, "device": "/dev/zero"}[kind]
    if kind == "pipe":
        os.mkfifo(path)
    more = {"--tls-certificate-file": ["--tls-key-file", path],
            "--upstream-ca-file": ["--upstream", "https://upstream.test/v2"],
            "--limits-redis-ca-file": ["--limits-replicas", "2", "--limits-redis-address", "127.0.0.1:1",
                                       "--limits-redis-tls"],
            "--tracing-ca-file": ["--tracing-otlp-endpoint", "https://collector.test"],
            "--limits-redis-password-file": ["--limits-redis-address", "127.0.0.1:1"]}.get(flag, [])
    done = run_gateway(flag, path, *more, *(["--check-config"] if check else []))
    assert done.returncode in (1, 2)
    assert str(path) in done.stderr
    assert any(reason in done.stderr for reason in
               ("it is a pipe", "it is a directory", "not a regular file", "Is a directory"))


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/stderr", "/dev/fd/1"])
def test_audit_to_standard_output_is_written_log(path):
    done = run_gateway("--audit", path)
    assert done.returncode == 2
    assert "must be log for standard output" in done.stderr


def test_check_config_creates_no_audit_file(tmp_path):
    done = run_gateway("--check-config", "--audit", tmp_path / "audit.log")
    assert (done.returncode, list(tmp_path.iterdir())) == (0, [])
    done = run_gateway("--check-config", "--audit", tmp_path / "missing" / "audit.log")
    assert done.returncode == 2
    assert "its folder cannot be opened: No such file or directory" in done.stderr


def test_check_config_reports_contradictions(config):
    config.write_text("authorization: {rules: [{identities: ['spiffe://a/b'], workspaces: ['*']}]}\n",
                      encoding="utf-8")
    done = run_gateway("--check-config", "--config", config)
    assert (done.returncode, done.stdout) == (0, "configuration OK\n")
    assert '"spiffe://a/b" matches no caller: tls.client_certificates is off' in done.stderr


@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("name", ["config", "key"])
def test_file_that_was_something_else_meanwhile_is_reloaded(gateway, config, key, kind, name):
    path = {"config": config, "key": key}[name]
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    reason = gateway.wait_for_event("config_reload_failed")["reason"]
    assert {"pipe": "it is a pipe", "folder": "it is a directory"}[kind] in reason
    if kind == "pipe":
        path.unlink()
    else:
        path.rmdir()
    replace(path, "log: {level: debug}\n" if name == "config" else "second-key")
    gateway.wait_for_event("config_reloaded")
    assert gateway.stop() == 0


def test_keys_rotate_although_the_configuration_is_broken(gateway, config, key):
    replace(config, "log: {level: \n  oops: [\n")
    gateway.wait_for_event("config_reload_failed")
    replace(key, "second-key")
    assert gateway.wait_for_event("upstream_key_changed")["upstream_key"] == "default"


def test_configuration_that_is_written_slowly_keeps_its_policy(gateway, config):
    replace(config, RULES)
    assert gateway.wait_for(lambda event: event["event"] == "authorization")["mode"] == "enforced"
    with open(config, "w", encoding="utf-8") as file:
        file.write("log: {level: info}\n")
        file.flush()
        reason = gateway.wait_for_event("config_reload_failed")["reason"]
        assert "authorization.allow_all" in reason
        file.write(RULES)
    wait_for_count(gateway, "config_reloaded", 2)
    assert [event["mode"] for event in gateway.events if event["event"] == "authorization"] == ["enforced"]
    replace(config, "authorization: {allow_all: true}\n")
    assert wait_for_count(gateway, "authorization", 2)["mode"] == "off"


HANG = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

// As on a network file system whose server is gone: open() and write() do not return while HANG_MARK
// exists.
static void hang(const char* path) {
  const char* const hung = getenv("HANG_PATH");
  const char* const mark = getenv("HANG_MARK");
  if (hung == NULL || strcmp(path, hung) != 0) return;
  while (access(mark, F_OK) == 0) pause();
}

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  hang(path);
  return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char* path, int flags, ...) __attribute__((alias("open")));

ssize_t write(int fd, const void* bytes, size_t size) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length > 0) {
    path[length] = 0;
    hang(path);
  }
  return syscall(SYS_write, fd, bytes, size);
}
"""


@pytest.fixture(name="hung_environment")
def _hung_environment(tmp_path, key):
    """(environment, mark): while the file `mark` exists, open() and write() of `key` do not return."""
    linked = subprocess.run(["ldd", gateway_command()[0]], capture_output=True, text=True, check=True)
    if "san.so" in linked.stdout:
        pytest.skip("a sanitizer must be the first library that is loaded")
    library = tmp_path / "hang.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=HANG, text=True,
                   check=True, capture_output=True)
    mark = tmp_path / "mark"
    return clean_environment(LD_PRELOAD=str(library), HANG_PATH=str(key), HANG_MARK=str(mark)), mark


@pytest.mark.parametrize("flag", ["--api-key-file", "--audit", "--protected-runs-file", "--tls-certificate-file"])
def test_sigterm_ends_a_start_that_hangs(hung_environment, key, flag):
    environment, mark = hung_environment
    environment["AYMARA_AI_API_KEY"] = "a-key"
    mark.touch()
    flags = [flag, key] + (["--tls-key-file", key] if flag == "--tls-certificate-file" else [])
    with ChildProcess(gateway_command(*flags), environment) as gateway:
        while not _waits_in_pause(gateway.pid):
            time.sleep(0.01)
        assert gateway.stop() == 128 + signal.SIGTERM


def test_sigterm_is_an_orderly_shutdown_while_a_file_hangs(hung_environment, key):
    environment, mark = hung_environment
    command = gateway_command("--api-key-file", key, "--upstream", UPSTREAM)
    with ChildProcess(command, environment) as gateway:
        gateway.wait_until_listening()
        mark.touch()
        while not _waits_in_pause(gateway.pid):
            time.sleep(0.01)
        assert gateway.stop() == 0
        names = [event["event"] for event in gateway.events]
        assert names[-3:] == ["draining", "reload_stuck", "stopped"]


def test_sigterm_is_an_orderly_shutdown_while_the_audit_file_hangs(hung_environment, key):
    environment, mark = hung_environment
    environment["AYMARA_AI_API_KEY"] = "a-key"
    command = gateway_command("--audit", key, "--upstream", UPSTREAM, "--max-attempts", "1")
    with ChildProcess(command, environment) as gateway:
        address = gateway.wait_until_listening()["grpc"]
        mark.touch()
        with Client(address) as client:
            assert client.delete() == "UNAVAILABLE"
        while not _waits_in_pause(gateway.pid):
            time.sleep(0.01)
        assert gateway.stop() == 0
        assert [event["event"] for event in gateway.events][-2:] == ["audit_stuck", "stopped"]


def test_the_emergency_stop_works_while_the_audit_file_hangs(hung_environment, config, key):
    """The audit is a record; it must not keep anybody from stopping deletions."""
    environment, mark = hung_environment
    environment["AYMARA_AI_API_KEY"] = "a-key"
    command = gateway_command("--audit", key, "--config", config, "--upstream", UPSTREAM)
    with ChildProcess(command, environment) as gateway:
        gateway.wait_until_listening()
        mark.touch()
        key.unlink()  # so that it is opened anew
        while not _waits_in_pause(gateway.pid):
            time.sleep(0.01)
        replace(config, "deletions_enabled: false\n")
        assert gateway.wait_for_event("deletions_stopped")
        assert gateway.stop() == 0
        assert [event["event"] for event in gateway.events][-2:] == ["audit_stuck", "stopped"]


def _waits_in_pause(pid):
    """Whether a thread of the process is in the system call pause()."""
    pause = "34 "  # on x86-64; elsewhere it is ppoll, 73
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/syscall", encoding="ascii") as call:
                if call.read().startswith((pause, "73 ")):
                    return True
        except OSError:
            continue
    return False


def test_closed_standard_descriptors_are_not_used_for_anything_else():
    """gRPC's library opens a descriptor when it is loaded."""
    with subprocess.Popen(["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *gateway_command(
            "--upstream", UPSTREAM, "--core-dumps")], stdout=subprocess.PIPE,
            env=clean_environment(AYMARA_AI_API_KEY="a-key")) as gateway:
        while b'"listening"' not in (line := gateway.stdout.readline()):
            assert line, "it has ended"
        assert [os.readlink(f"/proc/{gateway.pid}/fd/{fd}") for fd in (0, 2)] == ["/dev/null"] * 2
        gateway.terminate()
        assert gateway.wait(TIMEOUT) == 0
