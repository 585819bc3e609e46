// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/faults/fault_script.h"

#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/field_reader.h"
#include "rest_backend/server/text.h"

namespace evalrun::backend {
namespace {

constexpr std::int64_t kMaxDelayMs = 3'600'000;
constexpr std::int64_t kMaxDropBytes = 1'000'000;
// `HTTP/1.1 2`: a response has begun, but its status is still open.
constexpr std::int64_t kDefaultDropBytes = 10;

struct KindName {
  std::string_view name;
  FaultKind kind;
};

constexpr std::array kKinds = {
    KindName{"respond", FaultKind::kRespond},
    KindName{"delay", FaultKind::kDelay},
    KindName{"drop_before_reading", FaultKind::kDropBeforeReading},
    KindName{"drop_after_reading", FaultKind::kDropAfterReading},
    KindName{"drop_after_commit", FaultKind::kDropAfterCommit},
    KindName{"drop_mid_response", FaultKind::kDropMidResponse},
    KindName{"garbage", FaultKind::kGarbage},
    KindName{"hold", FaultKind::kHold},
    KindName{"restart", FaultKind::kRestart},
};

std::optional<FaultKind> ReadKind(FieldReader& fields) {
  const std::string word = fields.RequiredString("fault");
  std::string words;
  for (const KindName& known : kKinds) {
    if (word == known.name) return known.kind;
    words += Concat(words.empty() ? "`" : ", `", known.name, "`");
  }
  fields.Reject("fault", Concat("one of ", words));
  return std::nullopt;
}

ScriptedResponse ReadResponse(FieldReader& fields) {
  ScriptedResponse response;
  const auto status = fields.OptionalInteger("status", 100, 999);
  if (!status) fields.Reject("status", "given, as a whole number from 100 to 999");
  response.status = static_cast<int>(status.value_or(0));
  for (const auto& [name, value] : fields.OptionalObject("headers").items()) {
    if (!IsToken(name) || !value.is_string() ||
        !IsSingleLineHeaderValue(value.get_ref<const std::string&>())) {
      fields.Reject(Concat("headers.", name), "a header's name with a string of one line");
      return response;
    }
    response.headers.emplace_back(name, value.get<std::string>());
  }
  response.body = fields.OptionalString("body").value_or("");
  return response;
}

// Reads only the members that a fault of this kind uses.
Fault ReadFault(FieldReader& fields, FaultKind kind) {
  Fault fault;
  fault.kind = kind;
  switch (kind) {
    case FaultKind::kRespond:
      fault.response = ReadResponse(fields);
      break;
    case FaultKind::kDelay: {
      const auto delay = fields.OptionalInteger("delay_ms", 0, kMaxDelayMs);
      if (!delay) fields.Reject("delay_ms", "given, as a whole number of milliseconds");
      fault.delay = std::chrono::milliseconds(delay.value_or(0));
      break;
    }
    case FaultKind::kDropMidResponse:
      fault.bytes = static_cast<std::size_t>(
          fields.OptionalInteger("bytes", 1, kMaxDropBytes).value_or(kDefaultDropBytes));
      [[fallthrough]];
    case FaultKind::kDropAfterCommit:
      fault.commit = true;
      [[fallthrough]];
    case FaultKind::kDropBeforeReading:
    case FaultKind::kDropAfterReading:
      fault.reset = fields.OptionalBool("reset", false);
      return fault;
    case FaultKind::kGarbage:
    case FaultKind::kHold:
    case FaultKind::kRestart:
      break;
  }
  fault.commit = fields.OptionalBool("commit", false);
  return fault;
}

void ReadMatch(FieldReader& fields, FaultRule& rule) {
  rule.method = fields.OptionalString("method").value_or("");
  rule.eval_run_uuid = fields.OptionalId("eval_run_uuid").value_or("");
  const auto path = fields.OptionalString("path");
  if (!path) return;
  const std::size_t star = path->find('*');
  rule.path_is_prefix = star != std::string::npos;
  rule.path = path->substr(0, star);
  if (path->empty() || path->front() != '/' || (rule.path_is_prefix && star + 1 != path->size())) {
    fields.Reject("path", "a path that begins with `/`, with a `*` at most at its end");
  }
}

FaultRule ReadRule(FieldReader& fields) {
  FaultRule rule;
  rule.name = fields.RequiredString("name");
  const std::optional<FaultKind> kind = ReadKind(fields);
  if (!kind) return rule;
  // Nothing is known about a request that is not read.
  if (*kind != FaultKind::kDropBeforeReading) ReadMatch(fields, rule);
  rule.skip = fields.OptionalInteger("skip", 0, INT64_MAX).value_or(0);
  rule.count = fields.OptionalInteger("count", 0, INT64_MAX);
  rule.probability = fields.OptionalNumber("probability", 0, 1).value_or(1);
  rule.fault = ReadFault(fields, *kind);
  fields.RejectUnknownMembers();
  return rule;
}

void ReadMissing(FieldReader& fields, FaultScript& script) {
  const nlohmann::json& ids = fields.OptionalArray("missing");
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string* id = ids[i].get_ptr<const std::string*>();
    if (id == nullptr || !deletion::IsWellFormedId(*id, deletion::IdFormat::kUuid)) {
      fields.Reject(Concat("missing[", std::to_string(i), "]"),
                    deletion::DescribeIdFormat(deletion::IdFormat::kUuid));
      return;
    }
    script.missing.insert(deletion::CanonicalId(*id));
  }
}

std::optional<FieldProblem> ReadScript(const nlohmann::json& json, FaultScript& script) {
  FieldReader fields(json, "");
  script.seed = fields.OptionalInteger("seed", 0, INT64_MAX).value_or(0);
  ReadMissing(fields, script);
  const nlohmann::json& rules = fields.OptionalArray("rules");
  if (!fields.problem() && !json.contains("rules")) fields.Reject("rules", "given, as an array");
  fields.RejectUnknownMembers();
  if (fields.problem()) return fields.problem();
  std::set<std::string> names;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    FieldReader rule_fields(rules[i], Concat("rules[", std::to_string(i), "]"));
    FaultRule rule = ReadRule(rule_fields);
    if (!names.insert(rule.name).second) rule_fields.Reject("name", "unlike that of other rules");
    if (rule_fields.problem()) return rule_fields.problem();
    rule.source = rules[i];
    script.rules.push_back(std::move(rule));
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<FaultScript> ParseFaultScript(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return absl::InvalidArgumentError("a fault script must be JSON");
  FaultScript script;
  if (const auto problem = ReadScript(json, script)) {
    return absl::InvalidArgumentError(
        problem->field.empty() ? Concat("a fault script must be ", problem->must_be)
                               : Concat("`", problem->field, "` must be ", problem->must_be));
  }
  return script;
}

absl::StatusOr<FaultScript> ReadFaultScript(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return absl::InvalidArgumentError(Concat("fault script ", file, " cannot be read"));
  std::ostringstream text;
  text << stream.rdbuf();
  absl::StatusOr<FaultScript> script = ParseFaultScript(text.str());
  if (script.ok()) return script;
  return absl::InvalidArgumentError(
      Concat("fault script ", file, ": ",
             std::string_view(script.status().message().data(), script.status().message().size())));
}

}  // namespace evalrun::backend
