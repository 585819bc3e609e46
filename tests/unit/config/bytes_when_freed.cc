// SPDX-License-Identifier: Apache-2.0

#include "tests/unit/config/bytes_when_freed.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <new>

namespace evalrun::config {
namespace {

// Not a std::string: nothing may be allocated while memory is freed.
struct {
  const void* block = nullptr;
  std::size_t size = 0;
  std::array<char, 4096> bytes{};
  bool freed = false;
} watched;

void Free(void* block) noexcept {
  if (block != nullptr && block == watched.block) {
    std::memcpy(watched.bytes.data(), block, watched.size);
    watched.block = nullptr;
    watched.freed = true;
  }
  std::free(block);
}

void* Allocate(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}

void* Allocate(std::size_t size) {
  void* const block = Allocate(size, std::nothrow);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace

void RecordBytesWhenFreed(const char* block, std::size_t size) {
  watched.block = block;
  watched.size = size < watched.bytes.size() ? size : watched.bytes.size();
  watched.freed = false;
}

std::string BytesWhenFreed() {
  return watched.freed ? std::string(watched.bytes.data(), watched.size) : "(not freed)";
}

}  // namespace evalrun::config

// Replaces the global operators in the whole test program. All of them, but those for over-aligned
// types: the allocator of AddressSanitizer would refuse that its memory is freed here.
void* operator new(std::size_t size) { return evalrun::config::Allocate(size); }
void* operator new[](std::size_t size) { return evalrun::config::Allocate(size); }
void* operator new(std::size_t size, const std::nothrow_t& tag) noexcept {
  return evalrun::config::Allocate(size, tag);
}
void* operator new[](std::size_t size, const std::nothrow_t& tag) noexcept {
  return evalrun::config::Allocate(size, tag);
}
void operator delete(void* block) noexcept { evalrun::config::Free(block); }
void operator delete[](void* block) noexcept { evalrun::config::Free(block); }
void operator delete(void* block, std::size_t) noexcept { evalrun::config::Free(block); }
void operator delete[](void* block, std::size_t) noexcept { evalrun::config::Free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { evalrun::config::Free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept {
  evalrun::config::Free(block);
}
