// SPDX-License-Identifier: Apache-2.0

#include "service/handler/delete_request.h"

namespace evalrun::handler {

std::optional<InvalidField> ParseDeleteRequest(std::string_view bytes, deletion::IdFormat format,
                                               aymara::evals::v1::DeleteEvalRunRequest* request) {
  if (!request->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    request->Clear();
    return InvalidField{"", "an aymara.evals.v1.DeleteEvalRunRequest"};
  }
  const std::string_view expected = deletion::DescribeIdFormat(format);
  if (!deletion::IsWellFormedId(request->eval_run_uuid(), format)) {
    return InvalidField{"eval_run_uuid", expected};
  }
  if (request->has_workspace_uuid() &&
      !deletion::IsWellFormedId(request->workspace_uuid(), format)) {
    return InvalidField{"workspace_uuid", expected};
  }
  return std::nullopt;
}

}  // namespace evalrun::handler
