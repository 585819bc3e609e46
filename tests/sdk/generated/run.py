# SPDX-License-Identifier: Apache-2.0
"""run.py [PYTEST OPTION...]: the SDK's own tests of eval runs and health, with the real backend.

By hand: tests/python/venv python tests/sdk/generated/run.py. Exit status 0: all tests that
generated_suite_plugin.py requires have run and passed.
"""

import os
import pathlib
import subprocess
import sys
import sysconfig
import tempfile

import aymara_ai
import pytest
from evalrun_testing.backend import BackendProcess

from generated_suite_plugin import GeneratedSuitePlugin

TESTS = ("tests/api_resources/evals/test_runs.py", "tests/api_resources/test_health.py")


def main(options):
    fetch = pathlib.Path(__file__).with_name("fetch")
    sdk = pathlib.Path(subprocess.run([fetch], check=True, text=True,
                                      stdout=subprocess.PIPE).stdout.strip())
    installed = pathlib.Path(aymara_ai.__file__)
    assert installed.is_relative_to(sysconfig.get_path("purelib")), installed

    generated_suite_plugin = GeneratedSuitePlugin()
    with (tempfile.TemporaryDirectory() as directory,
          BackendProcess(directory, generated_suite_plugin.seed) as backend):
        generated_suite_plugin.serve_from(backend.url)
        os.environ["TEST_API_BASE_URL"] = backend.url
        # With the SDK's own pyproject.toml, except `-n auto`. The warning is about a pytest plugin that
        # importing the SDK has loaded.
        status = pytest.main(
            ["--config-file", str(sdk / "pyproject.toml"), "--rootdir", str(sdk),
             "--override-ini", "addopts=", "-W", "ignore::pytest.PytestAssertRewriteWarning",
             "-p", "no:cacheprovider", "--tb=short", "-q",
             *options, *(str(sdk / test) for test in TESTS)], plugins=[generated_suite_plugin])
    return status or int(bool(generated_suite_plugin.problems()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
