// File: key_ring.h
//
// The keys of the upstream: one per organization or tenant, and which of them a call goes out with.
// A key reaches only what is its organization's, so this is the boundary between tenants that the
// upstream itself keeps.
#ifndef EVALRUN_SERVICE_AUTHZ_KEY_RING_H_
#define EVALRUN_SERVICE_AUTHZ_KEY_RING_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/authz/scope.h"

namespace evalrun::authz {

// The name of the key for calls that no other key is for.
inline constexpr std::string_view kDefaultKeyName = "default";

// A key, ready to be sent. Thread-safe. Wiped when the last call that holds it lets it go; the
// copies that libcurl makes for a request are libcurl's.
class UpstreamKey {
 public:
  // Copies `secret`; what it is copied from is the caller's to wipe.
  UpstreamKey(std::string name, std::string_view secret);
  ~UpstreamKey();
  UpstreamKey(const UpstreamKey&) = delete;
  UpstreamKey& operator=(const UpstreamKey&) = delete;

  // Safe to show.
  [[nodiscard]] const std::string& name() const { return name_; }
  // Secret: `x-api-key: ...`, ended by a NUL.
  [[nodiscard]] const char* header_line() const { return header_line_.data(); }
  // The key itself.
  [[nodiscard]] std::string_view secret() const;

 private:
  const std::string name_;
  std::vector<char> header_line_;
};

// Thread-safe.
class KeyRing {
 public:
  using Key = std::shared_ptr<const UpstreamKey>;
  struct Entry {
    Scope scope;
    Key key;
  };

  // `fallback` is for calls that no entry covers. No key is null.
  KeyRing(Key fallback, std::vector<Entry> entries)
      : fallback_(std::move(fallback)), entries_(std::move(entries)) {}

  // The key of the first entry that covers the call; `workspace` as Scope::Matches() wants it.
  [[nodiscard]] const Key& Select(std::string_view caller, std::string_view workspace) const;

  // The names of the keys that `before` does not have, or has with another secret.
  [[nodiscard]] std::vector<std::string> KeysChangedSince(const KeyRing& before) const;

 private:
  [[nodiscard]] bool Contains(const UpstreamKey& key) const;

  Key fallback_;
  std::vector<Entry> entries_;
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_KEY_RING_H_
