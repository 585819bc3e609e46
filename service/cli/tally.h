// SPDX-License-Identifier: Apache-2.0
//
// File: tally.h
//
// Counts the outcomes of many ids. Keeps one complete result of each kind, and only the indices of
// the others, so that a hundred thousand failures need little memory.
#ifndef EVALRUN_SERVICE_CLI_TALLY_H_
#define EVALRUN_SERVICE_CLI_TALLY_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "service/cli/delete_result.h"

namespace evalrun::cli {

class Tally {
 public:
  // Results without success that agree in deletion, code, domain and reason.
  struct Group {
    DeleteResult sample;  // the first of them
    std::vector<std::size_t> indices;
  };

  // Adds the final result for id `index`.
  void Add(std::size_t index, const DeleteResult& report);

  // The number of runs that are not in the workspace, by the value of `deletion`.
  [[nodiscard]] const std::map<std::string, std::size_t>& gone() const { return gone_; }
  [[nodiscard]] std::size_t gone_count() const { return gone_count_; }
  // In the order in which they first occurred. After 100 groups, results of any other kind are
  // added to the last one.
  [[nodiscard]] const std::vector<Group>& failed() const { return failed_; }
  [[nodiscard]] std::size_t failed_count() const { return failed_count_; }
  [[nodiscard]] const std::vector<Group>& unknown() const { return unknown_; }
  [[nodiscard]] std::size_t unknown_count() const { return unknown_count_; }

 private:
  std::map<std::string, std::size_t> gone_;
  std::size_t gone_count_ = 0;
  std::vector<Group> failed_;
  std::size_t failed_count_ = 0;
  std::vector<Group> unknown_;
  std::size_t unknown_count_ = 0;
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_TALLY_H_
