"""The completion script, really sourced in bash."""

import subprocess

import pytest

from evalrunctl import command, environment, run


def complete(*words, folder=None):
    """What bash offers for the last of `words`."""
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
    (("evalrunctl", ""), ["delete", "health", "version", "completion", "--help", "--version"]),
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


def test_bash_knows_whom_to_ask():
    done = subprocess.run(["bash", "--norc", "-c",
                           'source <("$0" completion bash); complete -p evalrunctl', command()[0]],
                          capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "complete -F _evalrunctl evalrunctl\n"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_can_read_theirs(shell):
    script = run("completion", shell).stdout
    try:
        done = subprocess.run([shell, "-n", "/dev/stdin"], input=script, capture_output=True,
                              text=True, timeout=20, check=False)
    except FileNotFoundError:
        pytest.skip(f"there is no {shell} here")
    assert (done.returncode, done.stderr) == (0, "")
