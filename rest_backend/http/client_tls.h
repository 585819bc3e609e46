// SPDX-License-Identifier: Apache-2.0
//
// File: client_tls.h
//
// The certificates that an https upstream is verified against, and the client certificate that we
// present. Both can be replaced while requests are in flight.
//
// libcurl reads them from files whenever it connects, and the files on disk may be changing at that
// moment. It is given files in memory instead, which never change.
#ifndef EVALRUN_REST_BACKEND_HTTP_CLIENT_TLS_H_
#define EVALRUN_REST_BACKEND_HTTP_CLIENT_TLS_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include "rest_backend/http/tls_material.h"

namespace evalrun::http {

// A file in memory that exists as long as this object.
class MemoryFile {
 public:
  // `version` makes path() one that no other file of this process has had for a long time: libcurl
  // tells connections, sessions and CA certificates apart by the name of the file alone. Fails
  // without a free descriptor or memory.
  static absl::StatusOr<std::unique_ptr<const MemoryFile>> Create(std::string_view content,
                                                                  std::uint64_t version);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] const char* path() const { return path_.c_str(); }

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}

  const int fd_;
  std::string path_;
};

// One TlsMaterial as files. Each path is nullptr where the material is empty.
class TlsFileSet {
 public:
  // Takes a descriptor for each file. All files are made, or none.
  static absl::StatusOr<std::shared_ptr<const TlsFileSet>> Create(const TlsMaterial& material,
                                                                  std::uint64_t version);

  [[nodiscard]] std::uint64_t version() const { return version_; }  // from 1
  [[nodiscard]] const char* ca_certificates() const { return PathOrNull(ca_certificates_); }
  [[nodiscard]] const char* certificate_chain() const { return PathOrNull(certificate_chain_); }
  [[nodiscard]] const char* private_key() const { return PathOrNull(private_key_); }

 private:
  using File = std::unique_ptr<const MemoryFile>;

  explicit TlsFileSet(std::uint64_t version) : version_(version) {}
  static const char* PathOrNull(const File& file) {
    return file == nullptr ? nullptr : file->path();
  }

  const std::uint64_t version_;
  File ca_certificates_;
  File certificate_chain_;
  File private_key_;
};

// Thread-safe.
class ClientTls {
 public:
  // Copies `material`. Without CA certificates those of the system count; without a certificate
  // chain no client certificate is presented. Attempts that begin from now on use it, on new
  // connections. After an error they go on using what was set before.
  absl::Status Set(const TlsMaterial& material);

  // Set() must have succeeded once.
  [[nodiscard]] std::shared_ptr<const TlsFileSet> Current() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsFileSet> current_;  // guarded by mutex_
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_CLIENT_TLS_H_
