// SPDX-License-Identifier: Apache-2.0

#include "service/handler/call_state.h"

namespace evalrun::handler {

void ClearBuffers(CallBuffers* buffers) {
  // Does not compile when it leaves out a field.
  auto& [request, peer, caller, workspace, request_id, traceparent, target, header_lines,
         limited_by, would_be_limited_by] = *buffers;
  request.Clear();
  for (std::string& line : header_lines) line.clear();
  for (std::string* text : {&peer, &caller, &workspace, &request_id, &traceparent, &target,
                            &limited_by, &would_be_limited_by}) {
    text->clear();
  }
}

}  // namespace evalrun::handler
