// SPDX-License-Identifier: Apache-2.0

#include "service/config/secret.h"

#include <cstring>
#include <utility>

namespace evalrun::config {

Secret::Secret(std::string_view bytes)
    : bytes_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {
  bytes.copy(bytes_.get(), size_);
}

Secret::~Secret() { Wipe(); }

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    Wipe();
    bytes_ = std::move(other.bytes_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

void Secret::Wipe() {
  // Unlike memset, it is not optimised away before the memory is freed.
  if (bytes_ != nullptr) explicit_bzero(bytes_.get(), size_);
}

void WipeString(std::string* text) {
  text->resize(text->capacity());
  explicit_bzero(text->data(), text->size());
  text->clear();
}

}  // namespace evalrun::config
