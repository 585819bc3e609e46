// SPDX-License-Identifier: Apache-2.0

#include "service/config/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <absl/status/status.h>

#include "service/config/secret.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

absl::Status ReadError(const std::string& path, std::string_view why) {
  return absl::InvalidArgumentError(Concat("cannot read ", Escape(path), ": ", why));
}

class OpenFile {
 public:
  explicit OpenFile(const char* path)
      : fd_(open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

// Why a file that is not a regular one is not read.
std::string_view DescribeFileType(mode_t mode) {
  if (S_ISDIR(mode)) return "it is a directory";
  if (S_ISFIFO(mode)) return "it is a pipe, which can be read only once";
  return "it is a device or a socket and not a regular file";
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, std::size_t max_bytes) {
  if (path.find('\0') != std::string::npos) return ReadError(path, "a file's name has no NUL");
  const OpenFile file(path.c_str());
  if (file.fd() < 0) return ReadError(path, std::strerror(errno));
  struct stat status {};
  if (fstat(file.fd(), &status) != 0) return ReadError(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return ReadError(path, DescribeFileType(status.st_mode));
  // As large as it may become: a string that grows leaves its former memory unwiped.
  std::string content(max_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t count = read(file.fd(), content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      WipeString(&content);
      return ReadError(path, std::strerror(error));
    }
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > max_bytes) {
    WipeString(&content);
    return ReadError(path, Concat("it is larger than ", max_bytes, " bytes"));
  }
  content.resize(size);
  return content;
}

}  // namespace evalrun::config
