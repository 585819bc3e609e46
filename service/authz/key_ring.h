// SPDX-License-Identifier: Apache-2.0
//
// File: key_ring.h
//
// The API keys for the upstream, one per organization or tenant, and the choice of the key for a
// call. A key gives access only to the data of its organization, so the upstream itself enforces
// this boundary between tenants.
#ifndef EVALRUN_SERVICE_AUTHZ_KEY_RING_H_
#define EVALRUN_SERVICE_AUTHZ_KEY_RING_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/authz/scope.h"

namespace evalrun::authz {

// The name of the key for calls that no entry of the key ring matches.
inline constexpr std::string_view kDefaultKeyName = "default";

// An API key, ready to be sent. Immutable and thread-safe. Its memory is wiped when the last
// reference is released; this does not cover the copies that libcurl makes for a request.
class UpstreamKey {
 public:
  // Copies `secret`. The caller wipes its own copy.
  UpstreamKey(std::string name, std::string_view secret);
  ~UpstreamKey();
  UpstreamKey(const UpstreamKey&) = delete;
  UpstreamKey& operator=(const UpstreamKey&) = delete;

  // Not secret.
  [[nodiscard]] const std::string& name() const { return name_; }
  // Not secret. Differs from that of every other key that this process has made, also from that of
  // an earlier key with the same name, whose secret may have been another one.
  [[nodiscard]] const std::string& id() const { return id_; }
  // Secret: `x-api-key: ...`, NUL-terminated.
  [[nodiscard]] const char* header_line() const { return header_line_.data(); }
  // The key itself.
  [[nodiscard]] std::string_view secret() const;

 private:
  const std::string name_;
  const std::string id_;
  std::vector<char> header_line_;
};

// Immutable and thread-safe.
class KeyRing {
 public:
  using Key = std::shared_ptr<const UpstreamKey>;
  struct Entry {
    Scope scope;
    Key key;
  };

  // `fallback` is for calls that no entry matches. No key may be null.
  KeyRing(Key fallback, std::vector<Entry> entries)
      : fallback_(std::move(fallback)), entries_(std::move(entries)) {}

  // The key of the first entry that matches the call. `workspace` as in Scope::Matches().
  [[nodiscard]] const Key& Select(std::string_view caller, std::string_view workspace) const;

  // Whether it has a key with this name and this secret.
  [[nodiscard]] bool Contains(const UpstreamKey& key) const;

  // The names of the keys that `before` does not contain, or contains with another secret.
  [[nodiscard]] std::vector<std::string> KeysChangedSince(const KeyRing& before) const;

 private:
  Key fallback_;
  std::vector<Entry> entries_;
};

}  // namespace evalrun::authz

#endif  // EVALRUN_SERVICE_AUTHZ_KEY_RING_H_
