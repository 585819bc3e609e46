// File: delete_settings.h
//
// What the configuration means for a call.
#ifndef EVALRUN_SERVICE_RPC_DELETE_SETTINGS_H_
#define EVALRUN_SERVICE_RPC_DELETE_SETTINGS_H_

#include <chrono>
#include <string>

#include "rest_backend/api/deletion.h"
#include "rest_backend/api/resource_id.h"
#include "rest_backend/api/upstream_guard.h"
#include "service/identity/caller.h"

namespace evalrun::service {

struct DeleteSettings {
  std::string base_path;  // of the upstream, such as `/v2`
  rest::IdFormat id_format = rest::IdFormat::kUuid;
  rest::RetryPolicy retry;
  rest::UpstreamGuardOptions guard;
  std::chrono::microseconds upstream_timeout = std::chrono::seconds(10);  // per send
  std::chrono::microseconds deadline_margin = std::chrono::milliseconds(20);
  std::chrono::microseconds default_timeout = std::chrono::seconds(30);  // without a deadline
  IdentityPolicy identity;
  // Whether the server asks for client certificates and verifies them. Otherwise none is looked at.
  bool client_certificates = false;
  bool forward_request_id = true;
  bool forward_traceparent = true;
  bool forward_tracestate = true;
};

}  // namespace evalrun::service

#endif  // EVALRUN_SERVICE_RPC_DELETE_SETTINGS_H_
