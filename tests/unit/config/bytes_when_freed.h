// File: bytes_when_freed.h
//
// What a block of memory holds at the moment it is freed: whether a secret was wiped cannot be seen
// any later.
#ifndef EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_
#define EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_

#include <cstddef>
#include <string>

namespace evalrun::config {

// Waits for the block that begins at `block`, of at least `size` bytes, to be freed by `delete`,
// and forgets what was watched before. For one thread.
void RecordBytesWhenFreed(const char* block, std::size_t size);

// Its first `size` bytes as they were then; "(not freed)" until then.
[[nodiscard]] std::string BytesWhenFreed();

}  // namespace evalrun::config

#endif  // EVALRUN_TESTS_UNIT_CONFIG_BYTES_WHEN_FREED_H_
