// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/eval_run_json.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "rest_backend/server/field_reader.h"
#include "rest_backend/server/text.h"
#include "rest_backend/server/unique_id.h"

namespace evalrun::backend {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<std::string>& text) { return text ? Json(*text) : Json(nullptr); }

// The content of a response: text, or the names of a file. Only known members are kept, because
// unknown ones could be nested arbitrarily deep.
Json ReadContent(const nlohmann::json& response, FieldReader& fields) {
  const auto content = response.find("content");
  if (content == response.end() || content->is_null()) return nullptr;
  if (content->is_string()) return content->get<std::string>();
  FieldReader file(*content, fields.MemberPath("content"));
  Json kept = {{"file_uuid", OrNull(file.OptionalString("file_uuid"))},
               {"remote_file_path", OrNull(file.OptionalString("remote_file_path"))}};
  if (file.problem()) fields.Reject("content", "a string, or an object that names a file");
  return kept;
}

// Checks one response of a create request and converts it to the initial ScoredResponse.
std::optional<FieldProblem> ReadResponse(const nlohmann::json& given, std::string path,
                                         Json& scored) {
  FieldReader fields(given, std::move(path));
  fields.RequiredString("prompt_uuid");
  fields.OptionalBool("ai_refused", false);
  fields.OptionalBool("continue_thread", false);
  fields.OptionalBool("exclude_from_scoring", false);
  fields.OptionalString("thread_uuid");
  fields.OptionalInteger("turn_number", 0, INT64_MAX);
  const std::string type = fields.OptionalString("content_type").value_or("text");
  if (type != "text" && type != "image" && type != "video") {
    fields.Reject("content_type", "`text`, `image` or `video`");
  }
  if (fields.problem()) return fields.problem();
  const Json content = ReadContent(given, fields);
  if (fields.problem()) return fields.problem();

  scored["response_uuid"] = NewUuid();
  if (!content.is_null()) scored["content"] = content;
  constexpr std::array kKeptAsGiven = {"prompt_uuid", "content_type",    "ai_refused",
                                       "thread_uuid", "continue_thread", "exclude_from_scoring",
                                       "turn_number"};
  for (const char* name : kKeptAsGiven) {
    if (given.contains(name) && !given[name].is_null()) scored[name] = given[name];
  }
  return std::nullopt;
}

// Checks one example of a create request and converts it to an EvalRunExample.
std::optional<FieldProblem> ReadExample(const nlohmann::json& given, std::string path,
                                        Json& example) {
  FieldReader fields(given, std::move(path));
  example["prompt"] = OrNull(fields.OptionalString("prompt"));
  example["response"] = OrNull(fields.OptionalString("response"));
  example["type"] = fields.RequiredString("type");
  for (const char* name : {"prompt", "response"}) {
    if (example[name].is_null()) fields.Reject(name, "given, as a string");
  }
  if (example["type"] != "pass" && example["type"] != "fail") {
    fields.Reject("type", "`pass` or `fail`");
  }
  for (const char* name : {"example_uuid", "explanation"}) {
    if (const auto text = fields.OptionalString(name)) example[name] = *text;
  }
  return fields.problem();
}

// Converts every object of the array `name` with `read_one`, and returns the resulting array as
// text. Stops at the first problem and stores it in `problem`.
template <typename ReadOne>
std::string ReadObjects(FieldReader& request, const char* name, ReadOne read_one,
                        std::optional<FieldProblem>& problem) {
  Json kept = Json::array();
  const nlohmann::json& objects = request.OptionalArray(name);
  for (std::size_t i = 0; i < objects.size() && !problem; ++i) {
    kept.push_back(Json::object());
    problem = read_one(objects[i], request.MemberPath(Concat(name, "[", std::to_string(i), "]")),
                       kept.back());
  }
  return kept.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Parses an array stored as text in the database.
Json ParseArray(const std::string& text) {
  Json array = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return array.is_array() ? array : Json::array();
}

}  // namespace

Json EvalRunResult(const EvalRun& run) {
  Json responses = ParseArray(run.responses);
  return {{"eval_run_uuid", run.uuid},
          {"eval_uuid", run.eval_uuid},
          {"workspace_uuid", run.workspace_uuid},
          {"status", run.status},
          {"name", OrNull(run.name)},
          {"ai_description", OrNull(run.ai_description)},
          {"eval_run_examples",
           run.eval_run_examples ? ParseArray(*run.eval_run_examples) : Json(nullptr)},
          {"is_sandbox", run.is_sandbox},
          {"created_at", FormatTimestamp(run.created_at)},
          {"updated_at", FormatTimestamp(run.updated_at)},
          {"num_prompts", responses.size()},
          {"num_responses_scored", 0},
          {"pass_rate", nullptr},
          {"evaluation", nullptr},
          {"responses", std::move(responses)}};
}

OrError<EvalRun> ReadCreateRequest(std::string_view body) {
  const nlohmann::json json = nlohmann::json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return InvalidRequest("the request body must be a JSON object");
  FieldReader request(json, "body");
  EvalRun run;
  run.eval_uuid = request.RequiredId("eval_uuid");
  run.uuid = request.OptionalId("eval_run_uuid").value_or(NewUuid());
  run.name = request.OptionalString("name");
  run.ai_description = request.OptionalString("ai_description");
  run.status = "created";
  request.OptionalBool("continue_thread", false);
  if (!json.contains("responses")) request.Reject("responses", "given, as an array");
  std::optional<FieldProblem> problem;
  run.responses = ReadObjects(request, "responses", ReadResponse, problem);
  if (json.contains("eval_run_examples") && !json["eval_run_examples"].is_null()) {
    run.eval_run_examples = ReadObjects(request, "eval_run_examples", ReadExample, problem);
  }
  if (!problem) problem = request.problem();
  if (problem) return InvalidField(problem->field, problem->must_be);
  return run;
}

}  // namespace evalrun::backend
