// SPDX-License-Identifier: Apache-2.0
//
// File: unique_fd.h
//
// Ownership of a file descriptor.
#ifndef EVALRUN_SERVICE_NET_UNIQUE_FD_H_
#define EVALRUN_SERVICE_NET_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace evalrun::net {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() { Close(); }
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = other.Release();
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;

  [[nodiscard]] int get() const { return fd_; }  // -1: none
  [[nodiscard]] bool ok() const { return fd_ >= 0; }
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }
  void Close() {
    if (ok()) close(Release());  // Linux closes it whatever it returns
  }

 private:
  int fd_ = -1;
};

}  // namespace evalrun::net

#endif  // EVALRUN_SERVICE_NET_UNIQUE_FD_H_
