# SPDX-License-Identifier: Apache-2.0
"""Whether tests/chaos/run fails: builds the gateway with a defect, and expects the defect to be found.

Each of defects/*.patch adds one defect and lists, after "Found as:", the violations that a short run
must report; "Seed:" names the seed of that run, if it is not the usual one. It is a failure if a patch no longer applies, if a defect is not found or only under
another name, or if the run without a defect does not balance. The sources are copied, and the working
tree is not changed.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

_HERE = pathlib.Path(__file__).resolve().parent
_TOP = _HERE.parents[1]
_COPIED = ("CMakeLists.txt", "proto", "rest_backend", "service")
_SEED, _CALLS = 1, 8000  # with 3000, no process crashes in one of twelve runs


def _copy_sources(source):
    """Updates the copy. Unchanged files keep their time stamps, so that little is rebuilt."""
    wanted = set()
    for name in _COPIED:
        path = _TOP / name
        for file in [path] if path.is_file() else filter(pathlib.Path.is_file, path.rglob("*")):
            copy = source / file.relative_to(_TOP)
            wanted.add(copy)
            if not copy.exists() or copy.read_bytes() != file.read_bytes():
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(file.read_bytes())
    for name in _COPIED:
        for copy in (source / name).rglob("*"):
            if copy.is_file() and copy not in wanted:
                copy.unlink()


def _build(source, build):
    if not (build / "build.ninja").exists():
        subprocess.run(["cmake", "-S", source, "-B", build, "-G", "Ninja",
                        "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1",
                        "-DEVALRUN_BUILD_TESTS=OFF"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", build, "--target", "evalrun-gateway"], check=True,
                   stdout=subprocess.DEVNULL)
    return build / "evalrun-gateway"


def _violations(gateway, account, seed):
    """The names of the violations in a short run. None: it balances."""
    account.unlink(missing_ok=True)
    run = subprocess.run(
        [_HERE / "run", "--seed", str(seed), "--calls", str(_CALLS), "--gateway", gateway,
         "--json", account], check=False, capture_output=True, text=True)
    if not account.exists():
        raise RuntimeError(f"the run wrote no account:\n{run.stdout}\n{run.stderr}")
    found = json.loads(account.read_text(encoding="utf-8"))
    if found["balances"] != (run.returncode == 0):
        raise RuntimeError(f"exit status {run.returncode} contradicts the account")
    if not found["balances"] and not found["violations"]:
        raise RuntimeError("not exercised: " + run.stdout)
    return None if found["balances"] else set(found["violations"])


def _field(patch, name, default=""):
    """The rest of the line of a patch that begins with this name."""
    return next((line.removeprefix(f"{name}: ")
                 for line in patch.read_text(encoding="utf-8").splitlines()
                 if line.startswith(f"{name}: ")), default)


def _try(patch, folder):
    """Runs one build. Returns the problem, or None."""
    source = folder / "source"
    _copy_sources(source)
    if patch is not None:
        applied = subprocess.run(["patch", "--strip=1", "--fuzz=0", "--force", "--input", patch],
                                 cwd=source, check=False, capture_output=True, text=True)
        if applied.returncode != 0:
            return f"does not apply any more:\n{applied.stdout}{applied.stderr}"
    seed = _SEED if patch is None else int(_field(patch, "Seed", str(_SEED)))
    found = _violations(_build(source, folder / "build"), folder / "account.json", seed)
    if patch is None:
        return None if found is None else f"the build without defects has the violations {found}"
    if found is None:
        return "was not found"
    missing = set(_field(patch, "Found as").split()) - found
    return f"was not found as {missing}, but as {found}" if missing else None


def main(arguments):
    parser = argparse.ArgumentParser(prog="tests/chaos/broken_builds", description=__doc__)
    parser.add_argument("--folder", default=str(_TOP / "build" / "chaos"),
                        help="where the copies are built (%(default)s)")
    parser.add_argument("--backend", metavar="PATH", help="default: that of the preset dev")
    options = parser.parse_args(arguments)
    if options.backend:
        os.environ["BACKEND_UNDER_TEST"] = str(pathlib.Path(options.backend).resolve())
    failures = 0
    for patch in (None, *sorted((_HERE / "defects").glob("*.patch"))):
        problem = _try(patch, pathlib.Path(options.folder))
        failures += problem is not None
        print(f"{patch.stem if patch else 'without defects'}: "
              f"{problem or ('found' if patch else 'balances')}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
