// SPDX-License-Identifier: Apache-2.0

#include "tests/fuzz/request_target.h"

#include <memory>
#include <string>

#include <curl/urlapi.h>

#include "rest_backend/deletion/request_target.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

// A part of the URL as libcurl would send it, with dot segments removed; empty if there is none.
std::string GetUrlPart(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

}  // namespace

void CheckRequestTarget(std::string_view eval_run_uuid,
                        std::optional<std::string_view> workspace_uuid) {
  for (const std::string base_path : {"", "/v2", "/api/v2"}) {
    std::string target = "left over from the last call";
    deletion::BuildRequestTarget(base_path, eval_run_uuid, workspace_uuid, &target);
    const std::string path = base_path + "/eval-runs/" + std::string(eval_run_uuid);
    const std::string query =
        workspace_uuid ? "workspace_uuid=" + std::string(*workspace_uuid) : std::string();

    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
    Require(
        curl_url_set(url.get(), CURLUPART_URL, ("http://host" + target).c_str(), 0) == CURLUE_OK,
        "a request target is one");
    Require(GetUrlPart(url.get(), CURLUPART_HOST) == "host", "an id does not change the host");
    Require(GetUrlPart(url.get(), CURLUPART_PATH) == path, "an id is one segment of the path");
    Require(GetUrlPart(url.get(), CURLUPART_QUERY) == query, "a workspace is one query parameter");
    Require(GetUrlPart(url.get(), CURLUPART_FRAGMENT).empty(), "there is no fragment");
    Require(query.find('&') == std::string::npos && target.find('%') == std::string::npos,
            "nothing in a target stands for anything else");
  }
}

}  // namespace evalrun::fuzz
