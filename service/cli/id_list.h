// SPDX-License-Identifier: Apache-2.0
//
// File: id_list.h
//
// Reads and checks the list of runs to delete, and removes duplicates. Pure.
#ifndef EVALRUN_SERVICE_CLI_ID_LIST_H_
#define EVALRUN_SERVICE_CLI_ID_LIST_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "rest_backend/deletion/resource_id.h"

namespace evalrun::cli {

// Collects ids from arguments and files. Malformed ids are recorded as errors and not added: a list
// with an error must be rejected before anything is deleted, not half executed.
class IdList {
 public:
  explicit IdList(deletion::IdFormat format) : format_(format) {}

  // Adds one id as it is. `where` is its location for error messages, such as `argument 2` or
  // `ids.txt:17`. Two spellings of one id (deletion::CanonicalId) are duplicates: the first is
  // kept.
  void Add(std::string_view id, std::string_view where);

  // Adds the ids of `text`, a whole file with one id per line. Surrounding white space, blank
  // lines, and comments from a `#` at the start of a line or after white space are skipped; so are
  // CRs and a byte order mark. Returns the reason why the file cannot be a list, as a sentence
  // without its full stop, or nullopt. A file without an id is one only with `allow_empty`.
  [[nodiscard]] std::optional<std::string> AddLines(std::string_view text, std::string_view name,
                                                    bool allow_empty);

  [[nodiscard]] const std::vector<std::string>& ids() const { return ids_; }
  [[nodiscard]] std::size_t duplicates() const { return duplicates_; }

  // Describes the errors for the user: up to ten malformed ids with their locations, how many more
  // there are, and the format of an id. Empty when there are no errors.
  [[nodiscard]] std::string DescribeErrors() const;

 private:
  deletion::IdFormat format_;
  std::vector<std::string> ids_;
  std::unordered_set<std::string> seen_;  // in canonical form
  std::size_t duplicates_ = 0;
  std::vector<std::string> errors_;  // the first ten
  std::size_t error_count_ = 0;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_ID_LIST_H_
