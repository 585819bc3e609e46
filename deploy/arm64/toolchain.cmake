# SPDX-License-Identifier: Apache-2.0
#
# Cross-compiles for arm64 on Debian 12, with Debian's packages of that architecture: README.md.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
# gRPC's CMake configuration finds RE2 by it.
set(PKG_CONFIG_EXECUTABLE /usr/bin/aarch64-linux-gnu-pkg-config)
# The names of the unit tests are read from their programs.
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
