// SPDX-License-Identifier: Apache-2.0
//
// File: bytes_when_freed.h
//
// Records the content of a block of memory at the moment it is freed, the last one at which a test
// can see whether a secret was wiped.
#ifndef EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_
#define EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_

#include <cstddef>
#include <string>

namespace evalrun::config {

// Records the next `delete` of the block that begins at `block`, of at least `size` bytes, instead
// of any block before. For one thread.
void RecordBytesWhenFreed(const char* block, std::size_t size);

// The first `size` bytes of the block as they were then; "(not freed)" until then.
[[nodiscard]] std::string BytesWhenFreed();

}  // namespace evalrun::config

#endif  // EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_
