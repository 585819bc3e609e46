// File: bytes_when_freed.h
//
// Records the content of a memory block at the moment it is freed, to test that a secret was wiped.
#ifndef EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_
#define EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_

#include <cstddef>
#include <string>

namespace evalrun::config {

// Starts to watch the block that begins at `block` and has at least `size` bytes, until it is freed
// by `delete`; stops watching any other block. Not thread-safe.
void RecordBytesWhenFreed(const char* block, std::size_t size);

// The block's first `size` bytes when it was freed; "(not freed)" until then.
[[nodiscard]] std::string BytesWhenFreed();

}  // namespace evalrun::config

#endif  // EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_
