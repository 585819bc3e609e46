// File: client_tls.h
//
// Whom an https upstream is verified by, and the certificate that proves to it who we are. Both can
// be replaced while requests are under way.
//
// libcurl reads them from files at the moment it connects, and those on disk may just be changing.
// So it is given files in memory, which nobody changes.
#ifndef EVALRUN_REST_BACKEND_HTTP_CLIENT_TLS_H_
#define EVALRUN_REST_BACKEND_HTTP_CLIENT_TLS_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace evalrun::http {

// A file in memory that exists as long as this object.
class MemoryFile {
 public:
  // `version` makes path() one that no other file of this process has had for a long time: libcurl
  // tells connections, sessions and authorities apart by the name of the file alone. Throws
  // std::system_error.
  MemoryFile(std::string_view content, std::uint64_t version);
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] const char* path() const { return path_.c_str(); }

 private:
  int fd_;
  std::string path_;
};

// What belongs together. Paths of files; nullptr: none.
class TlsFileSet {
 public:
  TlsFileSet(std::uint64_t version, std::string_view authorities, std::string_view certificate,
             std::string_view key);

  [[nodiscard]] std::uint64_t version() const { return version_; }  // from 1
  [[nodiscard]] const char* authorities() const { return PathOrNull(authorities_); }
  [[nodiscard]] const char* certificate() const { return PathOrNull(certificate_); }
  [[nodiscard]] const char* key() const { return PathOrNull(key_); }

 private:
  using File = std::unique_ptr<const MemoryFile>;
  static const char* PathOrNull(const File& file) {
    return file == nullptr ? nullptr : file->path();
  }

  std::uint64_t version_;
  File authorities_;
  File certificate_;
  File key_;
};

// Thread-safe.
class ClientTls {
 public:
  // All in PEM, copied. Without `authorities` those of the system count, without `certificate` we
  // show none. Connections that are made by sends that begin from now on use them.
  void Set(std::string_view authorities, std::string_view certificate, std::string_view key);

  // Set() must have been called.
  [[nodiscard]] std::shared_ptr<const TlsFileSet> Current() const;

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TlsFileSet> current_;  // guarded by mutex_
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_CLIENT_TLS_H_
