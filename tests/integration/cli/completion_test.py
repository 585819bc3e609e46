# SPDX-License-Identifier: Apache-2.0
"""The completion scripts, each in its shell."""

import subprocess

import pytest

from evalrunctl import command, environment


def complete(*words, folder=None):
    """The completions that bash offers for the last of `words`."""
    script = """
source <("$0" completion bash) || exit
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_evalrunctl
printf '%s\\n' "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "--norc", "-uc", script, command()[0], *words], cwd=folder,
                          env=environment(), capture_output=True, text=True, timeout=20, check=True)
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


@pytest.mark.parametrize(("words", "offered"), [
    (("evalrunctl", ""), ["delete", "health", "version", "completion", "help", "--help", "--version"]),
    (("evalrunctl", "d"), ["delete"]),
    (("evalrunctl", "delete", "--re"), ["--retry-unknown", "--request-id"]),
    (("evalrunctl", "delete", "--server", "h:1", "--ca"), ["--ca-file"]),
    (("evalrunctl", "health", "--js"), [""]),
    (("evalrunctl", "delete", "--server", ""), [""]),
    (("evalrunctl", "completion", ""), ["bash", "zsh", "fish", "--help"]),
    (("evalrunctl", "completion", "z"), ["zsh"]),
])
def test_offers(words, offered):
    assert complete(*words) == offered


@pytest.mark.parametrize("words", [("--from-file", ""), ("--from-file", "="),
                                   ("--done-file", "=", "my")])
def test_offers_files(tmp_path, words):
    (tmp_path / "my ids.txt").touch()
    assert complete("evalrunctl", "delete", *words, folder=tmp_path) == ["my ids.txt"]


def test_bash_registers_the_completion():
    done = subprocess.run(["bash", "--norc", "-c",
                           'source <("$0" completion bash); complete -p evalrunctl', command()[0]],
                          capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "complete -F _evalrunctl evalrunctl\n"


@pytest.mark.parametrize(("line", "offered"), [
    ("evalrunctl hea", ["health"]),
    ("evalrunctl help v", ["version"]),
    ("evalrunctl delete --retry", ["--retry-unknown"]),
    ("evalrunctl completion f", ["fish"]),
])
def test_fish_offers(line, offered):
    script = 'eval $argv[1] completion fish | source; complete -C $argv[2]'
    done = subprocess.run(["fish", "--no-config", "-c", script, command()[0], line],
                          env=environment(), capture_output=True, text=True, timeout=20, check=True)
    assert [each.split("\t")[0] for each in done.stdout.splitlines()] == offered
    assert done.stderr == ""


def test_fish_describes_flags():
    script = 'eval $argv[1] completion fish | source; complete -C "evalrunctl delete --workspace"'
    done = subprocess.run(["fish", "--no-config", "-c", script, command()[0]], env=environment(),
                          capture_output=True, text=True, timeout=20, check=True)
    assert "that of the gateway's API key" in done.stdout


# zsh completes only on a terminal, which zpty provides. Each read waits for the expected text.
ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "autoload -U compinit; compinit -u -D; source <($1 completion zsh); print READ''Y"
zpty -r -m shell seen '*READY*' || exit 1
zpty -w -n shell "$2"$'\t'
zpty -r -m shell seen "*$3*" || exit 1
"""


@pytest.mark.parametrize(("line", "completed"), [
    ("evalrunctl hea", "evalrunctl health"),
    ("evalrunctl delete --allow-m", "evalrunctl delete --allow-missing"),
    ("evalrunctl delete --time", "evalrunctl delete --timeout"),
    ("evalrunctl completion fi", "evalrunctl completion fish"),
])
def test_zsh_completes(line, completed):
    done = subprocess.run(["zsh", "-f", "-c", ZSH, "zsh", command()[0], line, completed],
                          env=environment(), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")
