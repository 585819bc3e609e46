// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/deletion/request_target.h"

namespace evalrun::deletion {

void BuildRequestTarget(std::string_view base_path, std::string_view eval_run_uuid,
                        std::optional<std::string_view> workspace_uuid, std::string* target) {
  target->assign(base_path).append("/eval-runs/").append(eval_run_uuid);
  if (workspace_uuid.has_value()) target->append("?workspace_uuid=").append(*workspace_uuid);
}

void BuildProbeTarget(std::string_view base_path, std::optional<std::string_view> workspace_uuid,
                      std::string* target) {
  target->assign(base_path).append("/eval-runs?limit=1");
  if (workspace_uuid.has_value()) target->append("&workspace_uuid=").append(*workspace_uuid);
}

}  // namespace evalrun::deletion
