#include "rest_backend/http/client_tls.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace evalrun::http {
namespace {

std::unique_ptr<const MemoryFile> MakeMemoryFile(std::string_view content, std::uint64_t version) {
  return content.empty() ? nullptr : std::make_unique<const MemoryFile>(content, version);
}

[[noreturn]] void Throw(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

MemoryFile::MemoryFile(std::string_view content, std::uint64_t version)
    : fd_(memfd_create("tls", MFD_CLOEXEC)) {
  if (fd_ < 0) Throw("memfd_create");
  while (!content.empty()) {
    const ssize_t written = write(fd_, content.data(), content.size());
    if (written < 0) {
      close(fd_);
      Throw("write");
    }
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  // Descriptors are used again, slashes cost nothing.
  path_ = "/proc/self/" + std::string(version % 1024, '/') + "fd/" + std::to_string(fd_);
}

MemoryFile::~MemoryFile() { close(fd_); }

TlsFileSet::TlsFileSet(std::uint64_t version, std::string_view authorities,
                       std::string_view certificate, std::string_view key)
    : version_(version),
      authorities_(MakeMemoryFile(authorities, version)),
      certificate_(MakeMemoryFile(certificate, version)),
      key_(MakeMemoryFile(key, version)) {}

void ClientTls::Set(std::string_view authorities, std::string_view certificate,
                    std::string_view key) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t version = current_ == nullptr ? 1 : current_->version() + 1;
  current_ = std::make_shared<const TlsFileSet>(version, authorities, certificate, key);
}

std::shared_ptr<const TlsFileSet> ClientTls::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

}  // namespace evalrun::http
