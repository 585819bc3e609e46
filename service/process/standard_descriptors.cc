#include "service/process/standard_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace evalrun::process {

absl::Status OpenStandardDescriptors() {
  // open() returns the smallest number that is free.
  int fd = open("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO) fd = open("/dev/null", O_RDWR);
  if (fd < 0) return absl::ErrnoToStatus(errno, "open /dev/null");
  close(fd);  // the one that was not needed; Linux closes it whatever it returns
  return absl::OkStatus();
}

}  // namespace evalrun::process
