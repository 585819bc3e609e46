#include "service/config/upstream_keys.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "service/config/api_key.h"
#include "service/config/authorization.h"
#include "service/config/identity.h"
#include "service/config/text.h"

namespace evalrun::config {
namespace {

bool IsWellFormedName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

}  // namespace

void CheckUpstreamKeys(const v1::Upstream& upstream, bool opaque_ids,
                       std::vector<std::string>* errors) {
  std::set<std::string> names = {"default"};
  for (int i = 0; i < upstream.keys_size(); ++i) {
    const v1::UpstreamKey& key = upstream.keys(i);
    const auto refuse = [&](std::string_view field, std::string_view why) {
      errors->push_back(Concat("upstream.keys[", i, "]", field, ": ", why));
    };
    if (!IsWellFormedName(key.name())) {
      refuse(".name", "must be 1 to 64 of a-z 0-9 - _ .");
    } else if (!names.insert(key.name()).second) {
      refuse(".name", Concat("\"", key.name(), "\" must be a name that no other key has"));
    }
    if (key.file().empty()) refuse(".file", "must name the file that holds the key");
    if (key.identities().empty() && key.workspaces().empty()) {
      refuse("", "must have identities or workspaces: a key for all calls is the API key");
    }
    for (const std::string& identity : key.identities()) {
      const absl::Status status = CheckIdentityPattern(identity);
      if (!status.ok())
        refuse(".identities", Concat("\"", Escape(identity), "\" ", status.message()));
    }
    for (const std::string& workspace : key.workspaces()) {
      const absl::Status status = CheckWorkspacePattern(workspace, opaque_ids);
      if (!status.ok()) {
        refuse(".workspaces", Concat("\"", Escape(workspace), "\" ", status.message()));
      }
    }
  }
}

std::vector<Secret> ReadUpstreamKeys(const v1::Upstream& upstream, const FileReader& read_file,
                                     std::vector<std::string>* errors) {
  std::vector<Secret> keys;
  for (const v1::UpstreamKey& key : upstream.keys()) {
    if (key.file().empty()) continue;  // which CheckUpstreamKeys() says
    absl::StatusOr<ApiKey> found = FindApiKey(key.file(), {}, read_file);
    if (found.ok()) {
      keys.push_back(std::move(found->key));
    } else {
      errors->push_back(Concat("upstream.keys: ", found.status().message()));
    }
  }
  return keys;
}

}  // namespace evalrun::config
