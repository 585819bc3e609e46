// SPDX-License-Identifier: Apache-2.0
//
// File: pinned_addresses.h
//
// The addresses that libcurl is to use for a name, so that it never resolves the name by itself:
// libcurl 7.88 waits for its resolver's thread, in the thread of the caller, whenever a transfer
// ends while its name is being resolved.
#ifndef EVALRUN_REST_BACKEND_HTTP_PINNED_ADDRESSES_H_
#define EVALRUN_REST_BACKEND_HTTP_PINNED_ADDRESSES_H_

#include <string>
#include <utility>

#include <curl/curl.h>

namespace evalrun::http {

// Immutable; libcurl keeps a pointer to it, and so it is neither copied nor moved.
class PinnedAddresses {
 public:
  // `entry` as of MakeResolveEntry().
  explicit PinnedAddresses(std::string entry) : entry_(std::move(entry)) {
    list_.data = entry_.data();
  }
  PinnedAddresses(const PinnedAddresses&) = delete;
  PinnedAddresses& operator=(const PinnedAddresses&) = delete;

  [[nodiscard]] const std::string& entry() const { return entry_; }
  // For CURLOPT_RESOLVE, which only reads it.
  [[nodiscard]] curl_slist* list() const { return const_cast<curl_slist*>(&list_); }

 private:
  std::string entry_;
  curl_slist list_{};
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_PINNED_ADDRESSES_H_
