# SPDX-License-Identifier: Apache-2.0
#
# Finds protobuf and gRPC, old and new. Newer protobuf has a CMake configuration, which that of gRPC includes: CMake's
# own module would define the same targets.
find_package(protobuf CONFIG QUIET)
if(NOT protobuf_FOUND)
  find_package(Protobuf REQUIRED)
endif()
find_package(gRPC CONFIG REQUIRED)
