// File: id_list.h
//
// The list of runs to delete: read, checked as a whole, and without duplicates. Pure.
#ifndef EVALRUN_SERVICE_CLI_ID_LIST_H_
#define EVALRUN_SERVICE_CLI_ID_LIST_H_

#include <cstddef>
#include <istream>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "rest_backend/deletion/resource_id.h"

namespace evalrun::cli {

// Collects ids from arguments and files. A malformed one is remembered, not taken: a list with a
// mistake in it is to be refused before anything is deleted, not to be half carried out.
class IdList {
 public:
  explicit IdList(deletion::IdFormat format) : format_(format) {}

  // Takes one id, as it is. `where` names its place, such as `argument 2` or `ids.txt:17`. Two
  // spellings of one id (deletion::CanonicalId) are the same: the first is kept.
  void Add(std::string_view id, std::string_view where);

  // Takes a file of one id a line. Blanks around it, blank lines, and everything from a `#` at the
  // start of a line or after a blank are skipped; so are CRs and a byte order mark.
  void AddLines(std::istream& in, std::string_view name);

  [[nodiscard]] const std::vector<std::string>& ids() const { return ids_; }
  [[nodiscard]] std::size_t duplicates() const { return duplicates_; }

  // What is wrong, for a person: up to ten lines of what is no id, each with its place, how many
  // more there are, and what an id is. Empty when nothing is wrong.
  [[nodiscard]] std::string DescribeErrors() const;

 private:
  deletion::IdFormat format_;
  std::vector<std::string> ids_;
  std::unordered_set<std::string> seen_;  // canonical
  std::size_t duplicates_ = 0;
  std::vector<std::string> errors_;  // the first ten
  std::size_t error_count_ = 0;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_ID_LIST_H_
