// SPDX-License-Identifier: Apache-2.0
//
// File: field_reader.h
//
// Reads the members of one JSON object, checks their types, and records the first problem. After a
// problem, every read returns an empty value, so that callers need to check problem() only once, at
// the end.
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

// The problem: "`field` must be `must_be`". `field` is a dotted path: `eval_runs[2].status`.
struct FieldProblem {
  std::string field;
  std::string must_be;
};

class FieldReader {
 public:
  // `object` must outlive the reader. `path` is the path of the object itself, empty for the root.
  FieldReader(const nlohmann::json& object, std::string path);

  // A member that is absent or null is returned as nullopt, or is a problem if it is required.
  std::optional<std::string> OptionalString(const char* name);
  std::string RequiredString(const char* name);             // must not be empty
  std::optional<std::string> OptionalId(const char* name);  // in canonical form
  std::string RequiredId(const char* name);
  bool OptionalBool(const char* name, bool fallback);
  std::optional<std::int64_t> OptionalPositive(const char* name);
  std::optional<std::int64_t> OptionalInteger(const char* name, std::int64_t min_value,
                                              std::int64_t max_value);
  std::optional<double> OptionalNumber(const char* name, double min_value, double max_value);
  std::optional<UnixMillis> OptionalTimestamp(const char* name);
  // Returns an empty array if the member is absent.
  const nlohmann::json& OptionalArray(const char* name);
  // Returns an empty object if the member is absent.
  const nlohmann::json& OptionalObject(const char* name);

  // Any member that has not been read is a problem.
  void RejectUnknownMembers();
  // Records a problem found by the caller.
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
