# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the programs of the benchmarks, and describes the machine."""
import json
import os
import pathlib
import platform
import re
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
RESULTS = TOP / 'tests/benchmark/results'
DEV = TOP / 'build/dev'
GATEWAY = TOP / 'build/release/evalrun-gateway'

# Everything that can be switched off. Validation, deadlines, details and metrics cannot.
EVERYTHING_OFF = ['--access-log=false', '--upstream-max-in-flight=0', '--upstream-max-hold-back=0s',
                  '--retry-budget=false']

# The path of call_cost on which each call takes two attempts, with the shortest possible wait in between.
RETRY_PATH = ['--path=retry', '--gateway-flag=--retry-initial-backoff=1ms',
              '--gateway-flag=--retry-max-backoff=1ms', '--gateway-flag=--retry-budget=false']


def gateway_flags(flags):
    """The options that make the programs pass `flags` on to the gateway."""
    return ['--gateway-flag=' + flag for flag in flags]


def build(*targets):
    """Builds the release gateway, and `targets` of the preset dev."""
    for preset, wanted in (('release', ['evalrun-gateway']), ('dev', targets)):
        for command in (['cmake', '--preset', preset],
                        ['cmake', '--build', TOP / 'build' / preset, '--target', *wanted]):
            subprocess.run(command, cwd=TOP, check=True, stdout=subprocess.DEVNULL)


def run(program, *arguments, gateway=GATEWAY):
    """Runs a program of the preset dev and returns its JSON output."""
    environment = {'GATEWAY_UNDER_TEST': str(gateway)} | os.environ
    done = subprocess.run([DEV / program, *arguments], env=environment, check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def gateway_under(folder, command):
    """Creates a script in `folder` that runs the release gateway under a command such as valgrind."""
    wrapper = folder / 'gateway'
    wrapper.write_text(f'#!/bin/sh\nexec {command} {GATEWAY} "$@"\n')
    wrapper.chmod(0o755)
    return wrapper


def count_instructions(folder, arguments, seconds):
    """The number of calls, and the instructions for all of them including start and shutdown."""
    out = folder / 'callgrind.out'
    gateway = gateway_under(folder, f'valgrind --quiet --tool=callgrind --callgrind-out-file={out}')
    done = run('call_cost', '--warm-up-ms=0', f'--seconds={seconds}', *arguments, gateway=gateway)
    totals = re.search(r'^(?:summary|totals): (\d+)', out.read_text(), re.MULTILINE)
    return done['calls'], int(totals.group(1))


def instructions_and_calls(folder, arguments):
    """The instructions of one call with these options of call_cost, from the difference between a short
    and a long run, and the number of calls in the long one, whose `callgrind.out` is left in `folder`."""
    short, long = (count_instructions(folder, arguments, seconds) for seconds in (1.5, 6))
    return (long[1] - short[1]) / (long[0] - short[0]), long[0]


def instructions(arguments):
    """The instructions of one call with these options of call_cost."""
    with tempfile.TemporaryDirectory() as folder:
        return round(instructions_and_calls(pathlib.Path(folder), arguments)[0])


def machine():
    cpu = next((line.split(':')[1].strip() for line in open('/proc/cpuinfo')
                if line.startswith('model name')), 'unknown')
    return f'{cpu}, {os.cpu_count()} cores, Linux {platform.release()}'


def git(*arguments):
    return subprocess.run(['git', *arguments], cwd=TOP, check=True, capture_output=True,
                          text=True).stdout.strip()


def commit():
    """The commit of the measured code, and whether it is modified; documentation is ignored."""
    changed = git('status', '--porcelain', '--', 'rest_backend', 'service', 'proto', ':!*.md')
    return git('rev-parse', '--short', 'HEAD') + (', changed' if changed else '')
