# SPDX-License-Identifier: Apache-2.0
"""The check over small programs, each of which lacks one property."""

import importlib.machinery
import importlib.util
import pathlib
import platform
import subprocess
import unittest
import tempfile

HERE = pathlib.Path(__file__).parent
loader = importlib.machinery.SourceFileLoader("check", str(HERE / "check"))
check = importlib.util.module_from_spec(importlib.util.spec_from_loader("check", loader))
loader.exec_module(check)

PROGRAM = """
#include <cstdio>
#include <cstring>
#include <vector>
int main(int argc, char** argv) {
  char copy[16];
  strcpy(copy, argv[0]);
  std::vector<int> numbers(argc);
  return numbers[copy[0]] + printf("%s", copy);
}
"""
FLAGS = ["-O2", "-fPIE", "-pie", "-fstack-protector-strong", "-U_FORTIFY_SOURCE",
         "-D_FORTIFY_SOURCE=2", "-D_GLIBCXX_ASSERTIONS", "-Wl,-z,relro,-z,now,-z,noexecstack"]
if platform.machine() == "x86_64":
    FLAGS.append("-fcf-protection=full")

# An additional flag, and the property that is then missing.
CASES = {
    "-no-pie": "a position-independent executable",
    "-Wl,-z,norelro": "read-only relocations (RELRO)",
    "-Wl,-z,lazy": "all symbols bound at the start (BIND_NOW)",
    "-Wl,-z,execstack": "a stack that is not executable",
    "-Wl,-rpath,/tmp": "no search path for libraries",
    "-fno-stack-protector": "the stack protector",
    "-U_FORTIFY_SOURCE": "fortified functions of the C library",
    "-U_GLIBCXX_ASSERTIONS": "assertions of the C++ library",
}
if platform.machine() == "x86_64":
    CASES["-fcf-protection=none"] = "control-flow protection (endbr64)"


class CheckTest(unittest.TestCase):
    def missing(self, *flags):
        with tempfile.TemporaryDirectory() as folder:
            program = pathlib.Path(folder, "program")
            subprocess.run(["g++", "-x", "c++", "-", *FLAGS, *flags, "-o", program], check=True,
                           input=PROGRAM, text=True, capture_output=True)
            return check.missing(str(program))

    def test_hardened_binary_passes(self):
        self.assertEqual(self.missing(), [])

    def test_missing_hardening_is_reported(self):
        for flag, name in CASES.items():
            with self.subTest(flag):
                self.assertIn(name, self.missing(flag))


if __name__ == "__main__":
    unittest.main()
