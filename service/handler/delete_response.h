// SPDX-License-Identifier: Apache-2.0
//
// File: delete_response.h
//
// What a DeleteEvalRun call is answered with.
#ifndef EVALRUN_SERVICE_HANDLER_DELETE_RESPONSE_H_
#define EVALRUN_SERVICE_HANDLER_DELETE_RESPONSE_H_

#include <span>
#include <string>
#include <string_view>

#include <absl/status/status.h>

#include "service/handler/error_details.h"

namespace evalrun::handler {

struct MetadataEntry {
  std::string_view key;
  const std::string& value;  // a string, because gRPC takes it as one
};

// The message of a response with kOk is google.protobuf.Empty; others have none. The views are
// valid while the response is being written.
struct DeleteResponse {
  absl::StatusCode code = absl::StatusCode::kOk;
  EncodedError error = {};  // empty with kOk
  std::span<const MetadataEntry> initial_metadata = {};
  std::span<const MetadataEntry> trailing_metadata = {};
};

class ResponseWriter {
 public:
  // Sends the response, which ends the call. Called once for a call, or not at all when the call
  // was cancelled.
  virtual void Write(const DeleteResponse& response) = 0;

 protected:
  ~ResponseWriter() = default;
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_DELETE_RESPONSE_H_
