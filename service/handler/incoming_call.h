// SPDX-License-Identifier: Apache-2.0
//
// File: incoming_call.h
//
// A DeleteEvalRun call as its transport hands it over.
#ifndef EVALRUN_SERVICE_HANDLER_INCOMING_CALL_H_
#define EVALRUN_SERVICE_HANDLER_INCOMING_CALL_H_

#include <chrono>
#include <string>
#include <string_view>

namespace evalrun::handler {

class Metadata {
 public:
  // The value of a key that occurs exactly once; otherwise empty. Valid as long as the call is
  // being handed over. `key` is in lower case.
  [[nodiscard]] virtual std::string_view Find(std::string_view key) const = 0;
  // All values of a key whose standard makes one list of them, in order and separated by commas
  // (RFC 9110, section 5.3). Empty ones are left out.
  [[nodiscard]] virtual std::string Join(std::string_view key) const = 0;

 protected:
  ~Metadata() = default;
};

// Everything is read while it is handed over, and then no more.
struct IncomingCall {
  const Metadata& metadata;
  std::string_view message;  // empty when it could not be read
  std::string_view peer;     // gRPC's name of it, such as `ipv4:10.0.0.7:40000`
  // Of a client certificate that was verified (authz/caller.h); empty: none.
  std::string_view spiffe_id = {};
  std::string_view dns_name = {};
  bool has_certificate = false;  // also if it has neither name
  // The caller's. More than a year away: there is none.
  std::chrono::system_clock::time_point deadline = std::chrono::system_clock::time_point::max();
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_INCOMING_CALL_H_
