// File: field_reader.h
//
// Reads the members of one JSON object, with their types checked, and remembers the first thing
// that is wrong with them. After that every read gives an empty value, so that a reader of many
// fields asks once, at its end.
#ifndef EVALRUN_REST_BACKEND_SERVER_FIELD_READER_H_
#define EVALRUN_REST_BACKEND_SERVER_FIELD_READER_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rest_backend/server/timestamp.h"

namespace evalrun::backend {

// What is wrong: "`field` must be `must_be`". `field` is a dotted path: `eval_runs[2].status`.
struct FieldProblem {
  std::string field;
  std::string must_be;
};

class FieldReader {
 public:
  // `object` must outlive the reader. `path` is the object's own, empty for the outermost.
  FieldReader(const nlohmann::json& object, std::string path);

  // A member that is absent or null is nullopt, or a problem where it is required.
  std::optional<std::string> OptionalString(const char* name);
  std::string RequiredString(const char* name);             // and not empty
  std::optional<std::string> OptionalId(const char* name);  // in canonical form
  std::string RequiredId(const char* name);
  bool OptionalBool(const char* name, bool fallback);
  std::optional<std::int64_t> OptionalPositive(const char* name);
  std::optional<std::int64_t> OptionalInteger(const char* name, std::int64_t min_value,
                                              std::int64_t max_value);
  std::optional<double> OptionalNumber(const char* name, double min_value, double max_value);
  std::optional<UnixMillis> OptionalTimestamp(const char* name);
  // An array, or an empty one where the member is absent.
  const nlohmann::json& OptionalArray(const char* name);
  // An object, or an empty one where the member is absent.
  const nlohmann::json& OptionalObject(const char* name);

  // Any member that was not asked for is a problem.
  void RejectUnknownMembers();
  // For a check of the caller's own.
  void Reject(std::string_view name, std::string_view must_be);

  [[nodiscard]] const std::optional<FieldProblem>& problem() const { return problem_; }
  // The path of a member.
  [[nodiscard]] std::string MemberPath(std::string_view name) const;

 private:
  const nlohmann::json* Find(const char* name);

  const nlohmann::json& object_;
  std::string path_;
  std::set<std::string, std::less<>> known_;
  std::optional<FieldProblem> problem_;
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FIELD_READER_H_
