// SPDX-License-Identifier: Apache-2.0
//
// File: secret.h
//
// A string whose memory is wiped, and that cannot be printed.
#ifndef EVALRUN_SERVICE_CONFIG_SECRET_H_
#define EVALRUN_SERVICE_CONFIG_SECRET_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace evalrun::config {

// Owns the bytes of a secret. Moving leaves no copy; destruction and assignment wipe them. A const
// Secret may be read by several threads.
class Secret {
 public:
  Secret() = default;
  // Copies `bytes`; the caller wipes the original.
  explicit Secret(std::string_view bytes);
  ~Secret();

  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  [[nodiscard]] bool empty() const { return size_ == 0; }

  // The bytes, valid until this object is destroyed or assigned to. The name is long so that each
  // use stands out in a review.
  [[nodiscard]] std::string_view RevealForSending() const { return {bytes_.get(), size_}; }

  // Printing a secret does not compile.
  template <typename Stream>
  friend Stream& operator<<(Stream&, const Secret&) = delete;

 private:
  void Wipe();

  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

// Overwrites everything that `text` has allocated, then empties it.
void WipeString(std::string* text);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_SECRET_H_
