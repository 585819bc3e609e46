// SPDX-License-Identifier: Apache-2.0
//
// File: byte_buffer.h
#ifndef EVALRUN_TESTS_SUPPORT_BYTE_BUFFER_H_
#define EVALRUN_TESTS_SUPPORT_BYTE_BUFFER_H_

#include <string>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

namespace evalrun::testing {

inline std::string ToBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

inline grpc::ByteBuffer ToByteBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_BYTE_BUFFER_H_
