// SPDX-License-Identifier: Apache-2.0
//
// The request message of DeleteEvalRun as bytes, through the validation of a call.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <google/protobuf/stubs/logging.h>

#include "aymara/evals/v1/eval_run_service.pb.h"
#include "rest_backend/deletion/resource_id.h"
#include "service/handler/delete_request.h"
#include "tests/fuzz/property.h"
#include "tests/fuzz/request_target.h"

namespace evalrun::fuzz {
namespace {

using aymara::evals::v1::DeleteEvalRunRequest;
using handler::ParseDeleteRequest;

void CheckRequest(std::string_view bytes, deletion::IdFormat format) {
  DeleteEvalRunRequest request;
  request.set_eval_run_uuid("left-over-from-the-last-call");
  request.set_allow_missing(true);
  const auto invalid = ParseDeleteRequest(bytes, format, &request);
  if (invalid.has_value()) {
    Require(!invalid->expected.empty(), "who is refused hears what is expected");
    Require(!invalid->field.empty() || request.ByteSizeLong() == 0,
            "a message that does not parse leaves nothing");
    Require(invalid->field.empty() || invalid->field == "eval_run_uuid" ||
                (invalid->field == "workspace_uuid" && request.has_workspace_uuid()),
            "what is refused is a field of the message");
    return;
  }
  Require(deletion::IsWellFormedId(request.eval_run_uuid(), format),
          "what may be sent names a run");
  std::optional<std::string_view> workspace;
  if (request.has_workspace_uuid()) workspace = request.workspace_uuid();
  Require(!workspace || deletion::IsWellFormedId(*workspace, format),
          "a workspace that is set is one");
  CheckRequestTarget(request.eval_run_uuid(), workspace);

  DeleteEvalRunRequest again;
  Require(!ParseDeleteRequest(request.SerializeAsString(), format, &again).has_value() &&
              again.SerializeAsString() == request.SerializeAsString(),
          "what was accepted is accepted again, with the same meaning");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // protobuf would log a line about each string that is not valid UTF-8.
  static const google::protobuf::LogSilencer silence;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  evalrun::fuzz::CheckRequest(bytes, evalrun::deletion::IdFormat::kUuid);
  evalrun::fuzz::CheckRequest(bytes, evalrun::deletion::IdFormat::kOpaque);
  return 0;
}
