# SPDX-License-Identifier: Apache-2.0
"""deploy/systemd: the unit, installed by the commands of its README, under a systemd that was booted for the test.

systemd is process 1 of a container: namespaces, a part of the tree of control groups, and an overlay over this
machine's root, so that nothing here changes and nothing is downloaded.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time

import pytest

from evalrun_testing.certificates import Authority
from evalrun_testing.child_process import clean_environment, program
from evalrun_testing.seed import Seed

TOP = pathlib.Path(__file__).resolve().parents[2]
README = TOP / "deploy/systemd/README.md"
SYSTEMD = pathlib.Path("/lib/systemd/systemd")
UNIT = "evalrun-gateway"
CONFIG = "/etc/evalrun-gateway"
AUDIT = "/var/log/evalrun-gateway/audit.jsonl"
MAX_EXPOSURE = 15  # as in systemd_test.py
TIMEOUT = 60.0

# $1: an empty folder, $2: the name of a control group. Ends with status 77 where this machine does not allow it.
ENTER = r"""
cannot() { echo "systemd cannot be started here: $1"; exit 77; }
mount -t tmpfs tmpfs "$1" || cannot "no mount"
mkdir "$1"/{groups,upper,work,root}
mount -t cgroup2 cgroup2 "$1/groups" && mkdir "$1/groups/$2" && echo $$ >"$1/groups/$2/cgroup.procs" ||
  cannot "no control group (version 2)"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root" || cannot "no overlay over /"
exec unshare --pid --fork --kill-child --mount --uts --ipc --net --cgroup --propagation private \
  bash -c "$BOOT" boot "$1/root" "$3"
"""
# $1: the root, $2: files for it. Only what basic.target needs is started of this machine's services.
BOOT = r"""
set -e
root=$1
rm -rf "$root"/etc/systemd/system/* "$root"/run/* "$root/src"
: >"$root/etc/fstab"
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
cp -r "$2" "$root/src"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
  mknod -m 666 "$root/dev/${device%:*}" c 1 "${device#*:}"
done
mknod -m 666 "$root/dev/tty" c 5 0
ln -s /proc/self/fd "$root/dev/fd"
ln -s pts/ptmx "$root/dev/ptmx"
mkdir "$root"/dev/{pts,shm}
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
cd "$root"
mkdir -p .old
pivot_root . .old
umount -l /.old
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=evalrun-test \
  /lib/systemd/systemd --system --unit=basic.target --log-target=journal-or-kmsg
"""


class Machine:
    """A booted systemd."""

    def __init__(self, folder, files):
        self._folder, self._group = folder, f"evalrun-test-{os.getpid()}"
        self._log = folder / "log"
        (folder / "mount").mkdir()
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", "unshare", "--mount", "--propagation", "private",
                 "bash", "-c", ENTER, "enter", folder / "mount", self._group, files],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment(BOOT=BOOT))
        self._init = None
        try:
            eventually(self._is_booted)
        except BaseException:
            self.close()
            raise

    def _is_booted(self):
        if self._process.poll() is not None:
            text = self._log.read_text(errors="replace")
            if self._process.returncode == 77:
                pytest.skip(text.strip().splitlines()[-1])
            raise AssertionError(text)
        children = pathlib.Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children:
            return False
        self._init = children[0]
        command = pathlib.Path(f"/proc/{self._init}/cmdline").read_bytes()
        return command.startswith(bytes(SYSTEMD)) and self.run("systemctl", "is-active", "basic.target").returncode == 0

    def command(self, *arguments):
        """A command line that runs this one inside."""
        return ["nsenter", "-t", self._init, "-m", "-p", "-u", "-i", "-n", "-C", "-r", "env", "-i", "-C", "/src",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", *map(str, arguments)]

    def run(self, *arguments, **options):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, timeout=TIMEOUT, **options)

    def output(self, *arguments):
        done = self.run(*arguments)
        assert done.returncode == 0, done
        return done.stdout.strip()

    def sh(self, script):
        return self.output("bash", "-e", "-o", "pipefail", "-c", script)

    def close(self):
        self._process.kill()
        self._process.wait()
        # What was in it is about to end.
        remove = 'mount -t cgroup2 cgroup2 "$1" && until ! ls -d "$1/$2" || find "$1/$2" -depth -type d -delete; ' \
                 'do sleep 0.1; done'
        subprocess.run(["unshare", "--mount", "bash", "-c", remove, "remove", self._folder / "mount", self._group],
                       capture_output=True, timeout=TIMEOUT)


def eventually(condition):
    deadline = time.monotonic() + TIMEOUT
    while not (value := condition()):
        assert time.monotonic() < deadline, condition
        time.sleep(0.1)
    return value


def commands_of_readme():
    """The block of commands that installs the service."""
    block = re.search(r"(?:^    .*\n)+", README.read_text(), re.MULTILINE)[0]
    assert "systemctl enable --now" in block
    return block


class Service:
    def __init__(self, machine, seed):
        self.machine = machine
        self._seed = seed
        self._runs = iter(entry["eval_run_uuid"] for entry in seed.document["eval_runs"])

    def show(self, name):
        return self.machine.output("systemctl", "show", "-P", name, UNIT)

    def pid(self):
        return self.show("MainPID")

    def journal(self):
        return self.machine.output("journalctl", "-o", "cat", "-u", UNIT)

    def call(self, *arguments):
        return self.machine.command(
            "evalrunctl", *arguments, "--server", "localhost:50051", "--tls", "--ca-file", "ca.crt", "--cert-file",
            "client.crt", "--key-file", "client.key")

    def is_serving(self):
        return subprocess.run(self.call("health"), capture_output=True, timeout=TIMEOUT).returncode == 0

    def delete(self):
        done = subprocess.run(self.call("delete", "--json", next(self._runs)), capture_output=True, text=True,
                              timeout=TIMEOUT)
        return json.loads(done.stdout)

    def next_run(self):
        return next(self._runs)

    def configure(self, more=""):
        """Replaces gateway.yaml, as README.md says, by `mv`."""
        self.machine.sh(f"""
            {{ cat gateway.yaml; echo '{more}'; }} >{CONFIG}/new
            chgrp evalrun-gateway {CONFIG}/new && chmod 640 {CONFIG}/new && mv {CONFIG}/new {CONFIG}/gateway.yaml""")

    def drop_in(self, text):
        folder = f"/etc/systemd/system/{UNIT}.service.d"
        self.machine.sh(f"mkdir -p {folder} && printf '{text}' >{folder}/test.conf && systemctl daemon-reload")


GATEWAY_YAML = f"""\
listen: 0.0.0.0:50051
upstream:
  url: http://127.0.0.1:8080/v2
  api_key_file: {CONFIG}/api-key
tls:
  certificate_file: {CONFIG}/tls.crt
  key_file: {CONFIG}/tls.key
  client_ca_file: {CONFIG}/ca.crt
  client_certificates: required
audit:
  to: {AUDIT}
"""


def make_files(folder):
    """What README.md finds in the current folder. Returns the seed of the backend."""
    release = folder / "build/release"
    release.mkdir(parents=True)
    shutil.copy(program("evalrun-gateway", "GATEWAY_UNDER_TEST"), release / "evalrun-gateway")
    shutil.copy(program("evalrun-backend", "BACKEND_UNDER_TEST"), release / "evalrun-backend")
    shutil.copy(program("evalrunctl", "EVALRUNCTL_UNDER_TEST"), release / "evalrunctl")
    for name in ("deploy/systemd", "service/cli"):
        shutil.copytree(TOP / name, folder / name)
    authority = Authority(folder, "authority")
    shutil.copy(authority.certificate, folder / "ca.crt")
    for name, subject in (("tls", "DNS:localhost"), ("client", "DNS:client.test")):
        pair = authority.issue(name, subject)
        shutil.copy(pair.certificate, folder / f"{name}.crt")
        shutil.copy(pair.key, folder / f"{name}.key")
    (folder / "gateway.yaml").write_text(GATEWAY_YAML)
    seed = Seed()
    workspace = seed.workspace(seed.organization())
    (folder / "api-key").write_text(seed.api_key(workspace))
    for _ in range(100):
        seed.eval_run(workspace)
    (folder / "seed.json").write_text(json.dumps(seed.document))
    return seed


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("systemd cannot be started here: not root")
    if not SYSTEMD.exists():
        pytest.skip(f"systemd cannot be started here: there is no {SYSTEMD}")
    files = tmp_path_factory.mktemp("files")
    seed = make_files(files)
    machine = Machine(tmp_path_factory.mktemp("machine"), files)
    try:
        machine.output("systemd-run", "--unit=backend", "/src/build/release/evalrun-backend", "--listen=127.0.0.1:8080",
                       "--admin-listen=127.0.0.1:8081", "--database=/tmp/runs.db", "--seed=/src/seed.json")
        installation = machine.run("bash", "-e", "-c", commands_of_readme())
        assert installation.returncode == 0, installation
        assert "configuration OK" in installation.stdout
        yield Service(machine, seed)
    finally:
        machine.close()


@pytest.fixture
def service(installed):
    """Serving, with the first configuration."""
    installed.configure()
    installed.machine.sh("rm -rf /etc/systemd/system/*.service.d && systemctl daemon-reload")
    installed.machine.output("systemctl", "restart", UNIT)
    eventually(installed.is_serving)
    return installed


def test_deletes_and_writes_the_audit_file(service):
    result = service.delete()
    assert result["deletion"] == "performed", result
    line = eventually(lambda: service.machine.run("grep", result["request_id"], AUDIT).stdout)
    assert json.loads(line)["deletion"] == "performed"
    assert service.machine.output("stat", "-c", "%U %G %a", AUDIT) == "evalrun-gateway evalrun-gateway 600"
    eventually(lambda: result["request_id"] in service.journal())


def test_is_confined(service):
    status = dict(line.split(":\t", 1) for line in
                  service.machine.output("cat", f"/proc/{service.pid()}/status").splitlines())
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert set(status["Uid"].split()) == {service.machine.output("id", "-u", "evalrun-gateway")}
    done = service.machine.run("systemd-analyze", "security", f"--threshold={MAX_EXPOSURE}", UNIT)
    assert done.returncode == 0, done.stdout
    # As root in its mounts: only what LogsDirectory, PrivateTmp and the kernel's own folders leave is writable.
    written = service.machine.run(
        "nsenter", "-t", service.pid(), "-m", "sh", "-c",
        "for d in / /etc /etc/evalrun-gateway /usr/bin /var /var/lib /var/log /opt /src /root /home /tmp "
        "/var/log/evalrun-gateway; do (: >$d/x) 2>/dev/null && rm $d/x && echo $d; done").stdout.split()
    assert written == ["/tmp", "/var/log/evalrun-gateway"]
    limits = service.machine.output("cat", f"/proc/{service.pid()}/limits")
    assert re.search(r"Max core file size +0 +0 ", limits)
    if "memory" in service.machine.output("cat", "/sys/fs/cgroup/cgroup.controllers").split():
        group = f"/sys/fs/cgroup/system.slice/{UNIT}.service"
        assert service.machine.output("cat", f"{group}/memory.max") == str(256 << 20)


def test_reloads(service):
    pid = service.pid()
    service.configure("deletions_enabled: false")
    service.machine.output("systemctl", "reload", UNIT)
    eventually(lambda: "deletions_stopped" in service.journal().rpartition('"listening"')[2])
    assert service.delete()["reason"] == "DELETIONS_STOPPED"
    # By the change alone.
    service.configure()
    eventually(lambda: "deletions_resumed" in service.journal().rpartition('"listening"')[2])
    assert service.delete()["deletion"] == "performed"
    assert service.pid() == pid


def test_stop_completes_a_call_in_flight(service):
    rules = {"seed": 1, "rules": [{"name": "slow", "method": "DELETE", "count": 1, "fault": "hold", "commit": True}]}
    admin = "http://127.0.0.1:8081/faults"
    service.machine.output("curl", "-fsS", "-X", "PUT", admin, "-d", json.dumps(rules))
    call = subprocess.Popen(service.call("delete", "--json", service.next_run()), stdout=subprocess.PIPE, text=True)
    eventually(lambda: json.loads(service.machine.output("curl", "-fsS", admin))["held"] == 1)
    service.machine.output("systemctl", "stop", "--no-block", UNIT)
    eventually(lambda: "draining" in service.journal().rpartition('"listening"')[2])
    service.machine.output("curl", "-fsS", "-X", "POST", f"{admin}/release")
    out, _ = call.communicate(timeout=TIMEOUT)
    assert json.loads(out)["deletion"] == "performed", out
    eventually(lambda: service.show("ActiveState") == "inactive")
    assert (service.show("Result"), service.show("ExecMainStatus")) == ("success", "0")


def test_refused_configuration_is_not_tried_again(service):
    service.machine.output("systemctl", "stop", UNIT)
    service.configure("no_such_setting: 1")
    service.machine.run("systemctl", "start", UNIT)
    # Another status would leave it activating, for the next try.
    eventually(lambda: service.show("ActiveState") != "active")
    assert (service.show("ActiveState"), service.show("ExecMainStatus")) == ("failed", "2")
    assert "no_such_setting" in service.journal()


def test_is_restarted_as_often_as_it_is_killed(service):
    for restarts in range(1, 8):
        service.machine.output("systemctl", "kill", "--signal=KILL", UNIT)
        eventually(lambda n=restarts: service.show("NRestarts") == str(n))
        eventually(service.is_serving)
    assert service.delete()["deletion"] == "performed"


def test_starts_where_the_loopback_interface_is_denied(service):
    service.drop_in("[Service]\\nIPAddressDeny=any\\n")
    service.machine.output("systemctl", "restart", UNIT)
    if "does not support BPF/cgroup firewalling" in service.machine.output("journalctl", "-o", "cat", "-b"):
        pytest.skip("no IPAddressDeny here")
    begin = time.monotonic()
    line = eventually(lambda: re.search(r'.*"listening".*', service.journal().rpartition('"stopped"')[2]))
    assert time.monotonic() - begin < 20
    assert json.loads(line[0])["grpc_hooks"] != "active"
    assert not service.is_serving()
