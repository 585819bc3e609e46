// SPDX-License-Identifier: Apache-2.0
//
// File: descriptor_limit.h
//
// A process that has run out of descriptors.
#ifndef EVALRUN_TESTS_SUPPORT_DESCRIPTOR_LIMIT_H_
#define EVALRUN_TESTS_SUPPORT_DESCRIPTOR_LIMIT_H_

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <stdexcept>
#include <vector>

namespace evalrun::testing {

// While it lives, this process can open only so many more descriptors. Not for several threads.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(int left) {
    if (getrlimit(RLIMIT_NOFILE, &before_) != 0) throw std::runtime_error("getrlimit");
    rlimit lowered = before_;
    lowered.rlim_cur = 256;
    if (setrlimit(RLIMIT_NOFILE, &lowered) != 0) throw std::runtime_error("setrlimit");
    for (int fd = 0; (fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) used_.push_back(fd);
    for (; left > 0; --left) {
      close(used_.back());
      used_.pop_back();
    }
  }
  ~DescriptorLimit() {
    for (const int fd : used_) close(fd);
    setrlimit(RLIMIT_NOFILE, &before_);
  }
  DescriptorLimit(const DescriptorLimit&) = delete;
  DescriptorLimit& operator=(const DescriptorLimit&) = delete;

 private:
  rlimit before_{};
  std::vector<int> used_;
};

}  // namespace evalrun::testing

#endif  // EVALRUN_TESTS_SUPPORT_DESCRIPTOR_LIMIT_H_
