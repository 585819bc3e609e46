// SPDX-License-Identifier: Apache-2.0

#include "service/observability/call_log_fields.h"

#include "service/authz/peer_address.h"

namespace evalrun::observability {

void AppendCallFields(const CallRecord& record, std::chrono::system_clock::time_point now,
                      std::string_view level, std::string_view event, JsonLine* line) {
  const authz::PeerAddress peer = authz::ParsePeerAddress(record.peer);
  line->Time(now)
      .Text("level", level)
      .Text("event", event)
      .Text("request_id", record.request_id)
      .OptionalText("trace_id", record.trace_id)
      .Text("network.peer.address", peer.address);
  if (peer.port != 0) line->Number("network.peer.port", peer.port);
  line->Text("caller", record.caller)
      .Text("rpc.method", "aymara.evals.v1.EvalRunService/DeleteEvalRun")
      .Text("eval_run_uuid", record.eval_run_uuid)
      .OptionalText("workspace_uuid", record.workspace_uuid);
}

}  // namespace evalrun::observability
