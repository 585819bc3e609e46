// File: done_record.h
//
// What a --done-file says: which runs are gone, and which may be. Pure.
//
//   # evalrunctl done-file 1 server=127.0.0.1:50051 workspace=
//   sent score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e
//   gone score_run.954d54bc-bd5f-4cb5-8d20-688f368b712e
//
// The first line says what the ids were deleted from, so that a record of one gateway or workspace
// is not taken for that of another. Every other line is a word and an id; the last one about an id
// counts, but once gone is gone for good.
#ifndef EVALRUN_SERVICE_CLI_DONE_RECORD_H_
#define EVALRUN_SERVICE_CLI_DONE_RECORD_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace evalrun::cli {

enum class DoneState {
  kNotDeleted,       // no line, or `failed`: certainly not deleted through this file
  kPossiblyDeleted,  // `sent` without a later word (killed before the answer), or `unknown`
  kGone,
};

class DoneRecord {
 public:
  // The first line of a file for this gateway and workspace, with its newline.
  [[nodiscard]] static std::string Header(std::string_view server,
                                          const std::optional<std::string>& workspace);

  // The line about one id, with its newline. `word` is `sent`, `gone`, `failed` or `unknown`.
  [[nodiscard]] static std::string Line(std::string_view word, std::string_view id);

  // Reads a whole file. Returns what speaks against going on with it, as a sentence without its
  // full stop, or nothing. An empty `text` is a new file. Lines that are no such lines, as the last
  // one may be after a power cut, say nothing.
  [[nodiscard]] std::optional<std::string> Read(std::string_view text, std::string_view header);

  [[nodiscard]] DoneState Find(std::string_view id) const;

 private:
  std::unordered_map<std::string, DoneState> by_id_;  // by canonical id
};

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_DONE_RECORD_H_
