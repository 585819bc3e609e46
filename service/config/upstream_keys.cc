// SPDX-License-Identifier: Apache-2.0

#include "service/config/upstream_keys.h"

#include <string_view>
#include <utility>

#include "service/config/api_key.h"
#include "service/config/authorization.h"
#include "service/config/identity.h"
#include "service/config/text.h"

namespace evalrun::config {

UpstreamKey ParseUpstreamKey(const std::string& name, const v1::UpstreamKey& key, bool opaque_ids,
                             std::set<std::string>* key_names, FieldErrors* errors,
                             std::vector<std::string>* conflicts) {
  const auto add = [&](std::string_view field, std::string_view what) {
    conflicts->push_back(Concat(name, field, ": ", what));
  };
  const auto parse_name = [&](const std::string&, const std::string& text) {
    if (!IsName(text, kDottedNameCharacters)) {
      add(".name", "must be 1 to 64 of a-z 0-9 - _ .");
    } else if (!key_names->insert(text).second) {
      add(".name", Concat(Quote(text), " must be a name that no other key has"));
    }
    return absl::OkStatus();
  };
  const auto parse_file = [&](const std::string&, const std::string& text) {
    if (text.empty()) add(".file", "must name the file that holds the key");
    return absl::OkStatus();
  };
  const auto parse_identity = [&](const std::string&, const std::string& text) {
    const absl::Status status = CheckIdentityPattern(text);
    if (!status.ok()) add(".identities", Concat(Quote(text), " ", status.message()));
    return absl::OkStatus();
  };
  const auto parse_workspace = [&](const std::string&, const std::string& text) {
    const absl::Status status = CheckWorkspacePattern(text, opaque_ids);
    if (!status.ok()) add(".workspaces", Concat(Quote(text), " ", status.message()));
    return absl::OkStatus();
  };
  ParseFields(name, key,
              {.texts = {{"name", parse_name},
                         {"file", parse_file},
                         {"identities", parse_identity},
                         {"workspaces", parse_workspace}},
               .elements = {}},
              errors);
  std::vector<std::string> identities(key.identities().begin(), key.identities().end());
  std::vector<std::string> workspaces(key.workspaces().begin(), key.workspaces().end());
  if (identities.empty() && workspaces.empty()) {
    add("", "must have identities or workspaces: a key for all calls is the API key");
  }
  if (identities.empty()) identities = {"*"};
  if (workspaces.empty()) workspaces = {"*", std::string(authz::kUnsetWorkspace)};
  return {.name = key.name(),
          .file = key.file(),
          .scope = authz::Scope(std::move(identities), std::move(workspaces)),
          .secret = {}};
}

void ReadUpstreamKeys(const FileReader& read_file, std::vector<UpstreamKey>* keys,
                      std::vector<std::string>* errors) {
  for (UpstreamKey& key : *keys) {
    if (key.file.empty()) continue;  // reported by ParseUpstreamKey()
    absl::StatusOr<ApiKey> found = FindApiKey(key.file, {}, read_file);
    if (found.ok()) {
      key.secret = std::move(found->key);
    } else {
      errors->push_back(Concat("upstream.keys: ", key.name, ": ", found.status().message()));
    }
  }
}

}  // namespace evalrun::config
