// SPDX-License-Identifier: Apache-2.0
//
// A fault script in JSON: parsing any bytes is safe, and the response in an accepted script is well
// formed.
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "rest_backend/server/faults/fault_plan.h"
#include "rest_backend/server/faults/fault_script.h"
#include "rest_backend/server/faults/scripted_response.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

using backend::FaultKind;
using backend::FaultRule;

// The head of the response has one line for each header of the script, plus the added ones.
void CheckResponse(const backend::ScriptedResponse& response) {
  Require(response.status >= 100 && response.status <= 999, "a status has three digits");
  const std::string bytes = backend::SerializeResponse(response);
  const std::size_t end = bytes.find("\r\n\r\n");
  Require(end != std::string::npos && bytes.ends_with(response.body),
          "a response is head and body");
  std::size_t lines = 0;
  for (std::size_t at = 0; at <= end; at = bytes.find("\r\n", at) + 2) ++lines;
  Require(lines == 1 + response.headers.size() || lines == 2 + response.headers.size(),
          "a header is one line");
}

void CheckRule(const FaultRule& rule) {
  Require(!rule.name.empty(), "a rule has a name");
  Require(rule.skip >= 0 && rule.count.value_or(0) >= 0, "counts are from 0 on");
  Require(rule.probability >= 0 && rule.probability <= 1, "a probability is one");
  Require(rule.path.empty() || rule.path.front() == '/', "a path begins with a slash");
  if (rule.fault.kind == FaultKind::kRespond) CheckResponse(rule.fault.response);
}

void CheckScript(std::string_view text) {
  const auto script = backend::ParseFaultScript(text);
  if (!script.ok()) {
    Require(IsUtf8({script.status().message().data(), script.status().message().size()}),
            "why a script is refused is valid UTF-8");
    return;
  }
  std::set<std::string> names;
  for (const FaultRule& rule : script->rules) {
    CheckRule(rule);
    Require(names.insert(rule.name).second, "names are unique");
  }
  backend::FaultPlan plan(*script);
  static_cast<void>(plan.DecideBeforeReading());
  static_cast<void>(
      plan.Decide({.method = "DELETE", .path = "/v2/eval-runs/r", .eval_run_uuid = "r"}));
  const std::string state = plan.State();
  Require(backend::FaultPlan::Resume(state).State() == state, "a plan goes on where it was");
  Require(plan.StatusJson()["rules"].size() == script->rules.size(), "a report has every rule");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  evalrun::fuzz::CheckScript({reinterpret_cast<const char*>(data), size});
  return 0;
}
