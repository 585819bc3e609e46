// SPDX-License-Identifier: Apache-2.0
//
// File: latch.h
//
// A one-time event that a test triggers: closed at first, and open forever after Open().
#ifndef EVALRUN_TESTS_SUPPORT_LATCH_H_
#define EVALRUN_TESTS_SUPPORT_LATCH_H_

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace evalrun::testing {

class Latch {
 public:
  Latch() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  Latch(const Latch&) = delete;
  Latch& operator=(const Latch&) = delete;
  ~Latch() { close(fd_); }

  void Open() const { eventfd_write(fd_, 1); }
  // Readable when open, for poll().
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_LATCH_H_
