// SPDX-License-Identifier: Apache-2.0
//
// File: done_record.h
//
// The contents of a --done-file: which runs are gone, and which may be. Pure.
//
//   # evalrunctl done-file 1 server=127.0.0.1:50051 workspace=
//   sent score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e
//   gone score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e
//
// The first line names the gateway and the workspace, so that a record is not used with others.
// Every other line is a word and an id. The last line for an id counts, except that `gone` is
// final.
#ifndef EVALRUN_SERVICE_CLI_DONE_RECORD_H_
#define EVALRUN_SERVICE_CLI_DONE_RECORD_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace evalrun::cli {

enum class DoneState {
  kNotDeleted,       // no line, or `failed`: certainly not deleted by a command with this file
  kPossiblyDeleted,  // `unknown`, or `sent` without a later line (the command was killed meanwhile)
  kGone,
};

class DoneRecord {
 public:
  // The first line of a file for this gateway and workspace, with its newline.
  [[nodiscard]] static std::string Header(std::string_view server,
                                          const std::optional<std::string>& workspace);

  // The line about one id, with its newline. `word` is `sent`, `gone`, `failed` or `unknown`.
  [[nodiscard]] static std::string Line(std::string_view word, std::string_view id);

  // Parses a whole file. Returns the reason why it cannot be used, as a sentence without its full
  // stop, or nullopt. An empty `text` is a new file. A byte order mark, CRs at the ends of lines,
  // malformed lines, and after the first line one without a newline (cut off by a full disk or a
  // power failure: its id may be the beginning of another one) are ignored.
  [[nodiscard]] std::optional<std::string> Read(std::string_view text, std::string_view header);

  [[nodiscard]] DoneState Find(std::string_view id) const;

 private:
  std::unordered_map<std::string, DoneState> by_id_;  // by canonical id
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DONE_RECORD_H_
