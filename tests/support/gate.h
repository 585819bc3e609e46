// File: gate.h
//
// Something that a test lets happen: closed at first, and open for good from `Open()` on.
#ifndef EVALRUN_TESTS_SUPPORT_GATE_H_
#define EVALRUN_TESTS_SUPPORT_GATE_H_

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace evalrun::testing {

class Gate {
 public:
  Gate() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { close(fd_); }

  void Open() const { eventfd_write(fd_, 1); }
  // Readable while open: for poll().
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_GATE_H_
