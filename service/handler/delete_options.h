// SPDX-License-Identifier: Apache-2.0
//
// File: delete_options.h
//
// What the configuration means for a call.
#ifndef EVALRUN_SERVICE_HANDLER_DELETE_OPTIONS_H_
#define EVALRUN_SERVICE_HANDLER_DELETE_OPTIONS_H_

#include <chrono>
#include <string>

#include "rest_backend/deletion/admission_controller.h"
#include "rest_backend/deletion/deletion.h"
#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/deletion/scope_proof.h"
#include "service/authz/caller.h"

namespace evalrun::handler {

struct DeleteOptions {
  std::string base_path;  // of the upstream, such as `/v2`
  deletion::IdFormat id_format = deletion::IdFormat::kUuid;
  deletion::RetryPolicy retry;
  // Whether a 404 of the API needs proof that its scope exists.
  bool verify_absence = true;
  deletion::ScopeTableOptions scopes;
  deletion::AdmissionControllerOptions admission;
  std::chrono::microseconds upstream_timeout = std::chrono::seconds(10);  // per attempt
  std::chrono::microseconds deadline_margin = std::chrono::milliseconds(20);
  std::chrono::microseconds default_timeout = std::chrono::seconds(30);  // without a deadline
  authz::IdentityPolicy identity;
  // Whether the server asks for client certificates and verifies them. Otherwise none is looked at.
  bool client_certificates = false;
  bool forward_request_id = true;
  bool forward_traceparent = true;
  bool forward_tracestate = true;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_DELETE_OPTIONS_H_
