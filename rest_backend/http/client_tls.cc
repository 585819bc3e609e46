// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/client_tls.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace evalrun::http {

absl::StatusOr<std::unique_ptr<const MemoryFile>> MemoryFile::Create(std::string_view content,
                                                                     std::uint64_t version) {
  const int fd = memfd_create("tls", MFD_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot create a file in memory");
  std::unique_ptr<MemoryFile> file(new MemoryFile(fd));  // closes it from now on
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return absl::ErrnoToStatus(errno, "cannot write a file in memory");
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  // The number of slashes tells apart files that have the same descriptor one after the other.
  file->path_ = "/proc/self/" + std::string(version % 1024, '/') + "fd/" + std::to_string(fd);
  return file;
}

// close() cannot lose anything here: the file exists in memory only.
MemoryFile::~MemoryFile() { close(fd_); }

absl::StatusOr<std::shared_ptr<const TlsFileSet>> TlsFileSet::Create(const TlsMaterial& material,
                                                                     std::uint64_t version) {
  std::shared_ptr<TlsFileSet> set(new TlsFileSet(version));
  for (const auto& [content, file] : {std::pair(&material.ca_certificates, &set->ca_certificates_),
                                      {&material.certificate_chain, &set->certificate_chain_},
                                      {&material.private_key, &set->private_key_}}) {
    if (content->empty()) continue;
    absl::StatusOr<File> created = MemoryFile::Create(*content, version);
    if (!created.ok()) return created.status();
    *file = *std::move(created);
  }
  return set;
}

absl::Status ClientTls::Set(const TlsMaterial& material) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t version = current_ == nullptr ? 1 : current_->version() + 1;
  absl::StatusOr<std::shared_ptr<const TlsFileSet>> files = TlsFileSet::Create(material, version);
  if (!files.ok()) return files.status();
  current_ = *std::move(files);
  return absl::OkStatus();
}

std::shared_ptr<const TlsFileSet> ClientTls::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

}  // namespace evalrun::http
