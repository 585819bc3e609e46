# SPDX-License-Identifier: Apache-2.0
"""The real evalrunctl as a child process."""

import subprocess

from evalrun_testing.child_process import TIMEOUT, clean_environment, program


def command(*arguments):
    """The command. CLI_UNDER_TEST overrides the binary, which is otherwise that of the preset `dev`."""
    return [program("evalrunctl", "CLI_UNDER_TEST"), *map(str, arguments)]


def environment():
    variables = clean_environment(TERM="xterm", LC_ALL="C.UTF-8")
    variables.pop("EVALRUNCTL_SERVER", None)
    return variables


def run(*arguments, **options):
    """Runs it to its end: `returncode`, `stdout` and `stderr`, as text."""
    if "input" not in options:
        options = {"stdin": subprocess.DEVNULL} | options
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=TIMEOUT * 3,
                          env=environment(), check=False, **options)


def start(*arguments, through=(), **options):
    """Starts it, by the command `through` if there is one. The caller reads its output."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*through, *command(*arguments)], text=True, env=environment(), **pipes | options)


def uuid(number):
    """The id of the run number `number`."""
    return f"00000000-0000-4000-8000-{number:012x}"


def uuids(count):
    return [uuid(number) for number in range(count)]
