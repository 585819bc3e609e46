// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/unique_id.h"

#include <cstdint>
#include <cstdio>
#include <random>

namespace evalrun::backend {
namespace {

std::mt19937_64 SeededGenerator() {
  std::random_device entropy;
  std::seed_seq seed{entropy(), entropy(), entropy(), entropy(),
                     entropy(), entropy(), entropy(), entropy()};
  return std::mt19937_64(seed);
}

}  // namespace

std::string NewUuid() {
  thread_local std::mt19937_64 generator = SeededGenerator();
  const std::uint64_t high = (generator() & ~0xF000ULL) | 0x4000ULL;
  const std::uint64_t low = (generator() & ~(3ULL << 62)) | (2ULL << 62);
  char text[40];
  std::snprintf(text, sizeof(text), "%08x-%04x-%04x-%04x-%012llx",
                static_cast<unsigned>(high >> 32), static_cast<unsigned>(high >> 16) & 0xFFFFU,
                static_cast<unsigned>(high) & 0xFFFFU, static_cast<unsigned>(low >> 48),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFFULL));
  return text;
}

}  // namespace evalrun::backend
