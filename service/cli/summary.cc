// SPDX-License-Identifier: Apache-2.0

#include "service/cli/summary.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "service/cli/connect_advice.h"
#include "service/cli/render.h"
#include "service/cli/text.h"

namespace evalrun::cli {
namespace {

constexpr std::size_t kMaxListed = 20;

std::vector<std::string> SelectIds(const std::vector<std::string>& ids,
                                   const std::vector<std::size_t>& indices) {
  std::vector<std::string> picked;
  picked.reserve(indices.size());
  for (const std::size_t index : indices) picked.push_back(ids[index]);
  return picked;
}

std::string_view DeletionLabel(std::string_view deletion) {
  if (deletion == "performed") return "deleted";
  if (deletion == "presumed") return "deleted earlier, presumably";
  if (deletion == "absent") return "not there to begin with";
  return deletion;
}

std::string CountsSection(const SummaryFacts& facts, const Tally& tally) {
  std::string kinds;
  for (const auto& [deletion, count] : tally.gone()) {
    kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", count,
                         Printable(DeletionLabel(deletion)));
  }
  std::string out = fmt::format("{:>8} not in the workspace{}\n", tally.gone_count(),
                                kinds.empty() ? "" : fmt::format(": {}", kinds));
  const auto row = [&out](std::size_t count, std::string_view what) {
    if (count > 0) out += fmt::format("{:>8} {}\n", count, what);
  };
  row(tally.failed_count(), "not deleted");
  row(tally.unknown_count(), "unknown whether deleted");
  row(facts.left.size(), "left: nothing was sent for them, or it was refused");
  row(facts.gone_before, "skipped: done already, according to the done-file");
  row(facts.duplicates, "named more than once, and counted once");
  return out;
}

// A line that describes the group, to be followed by its ids.
std::string GroupHeading(const Tally::Group& group, std::string_view what) {
  const DeleteResult& sample = group.sample;
  std::string line = fmt::format("\n{} {}: {}", group.indices.size(), what, CodeName(sample.code));
  if (!sample.reason.empty()) line += fmt::format(", {}", Printable(sample.reason));
  if (!sample.domain.empty()) line += fmt::format(" (said by {})", Printable(sample.domain));
  if (!sample.message.empty()) line += fmt::format(": {}", Printable(sample.message));
  line += "\n";
  for (const QuotaViolation& violation : sample.quota_violations) {
    line += fmt::format("  limit: {}: {}\n", Printable(violation.subject),
                        Printable(violation.description));
  }
  return line;
}

std::string FormatIdList(const std::vector<std::string>& ids) {
  std::string out;
  const std::size_t shown = std::min(ids.size(), kMaxListed);
  for (std::size_t i = 0; i < shown; ++i) out += fmt::format("  {}\n", ids[i]);
  if (shown < ids.size()) out += fmt::format("  and {} more\n", ids.size() - shown);
  return out;
}

// The command to run next: with the ids if they are few, otherwise with a file. It keeps using the
// same done-file.
std::string CommandFor(const SummaryFacts& facts, const DeleteRequest& request,
                       const std::string& kind, const std::vector<std::string>& ids,
                       const SaveIds& save) {
  std::string command = DeleteCommandLine(facts.connection, request, ids);
  if (!facts.done_file.empty()) command += " --done-file " + ShellQuote(facts.done_file);
  if (ids.size() > kMaxListed) {
    if (const auto file = save(kind, ids); file.has_value()) {
      return command + " --from-file " + ShellQuote(*file);
    }
  }
  if (std::ranges::any_of(ids, [](const auto& id) { return id.starts_with('-'); }))
    command += " --";
  for (const std::string& id : ids) command += " " + ShellQuote(id);
  return command;
}

std::string FailedSection(const SummaryFacts& facts, const Tally& tally, const SaveIds& save) {
  std::string out;
  std::vector<std::size_t> all;
  bool cut = false;
  for (const Tally::Group& group : tally.failed()) {
    out += GroupHeading(group, "not deleted") + FormatIdList(SelectIds(*facts.ids, group.indices));
    out += Advice(group.sample) + "\n";
    all.insert(all.end(), group.indices.begin(), group.indices.end());
    cut = cut || group.indices.size() > kMaxListed;
  }
  if (cut) {
    if (const auto file = save("failed", SelectIds(*facts.ids, all)); file.has_value()) {
      out += fmt::format("All {} that were not deleted are listed in {}.\n", all.size(), *file);
    }
  }
  return out;
}

std::string UnknownSection(const SummaryFacts& facts, const Tally& tally, const SaveIds& save) {
  if (tally.unknown_count() == 0) return "";
  std::string out;
  std::vector<std::size_t> all;
  for (const Tally::Group& group : tally.unknown()) {
    out += GroupHeading(group, "unknown whether deleted") +
           FormatIdList(SelectIds(*facts.ids, group.indices));
    if (const std::string hint = Hint(group.sample); !hint.empty()) out += hint + "\n";
    if (group.sample.IsScopeNotFound()) continue;  // the same request cannot succeed
    all.insert(all.end(), group.indices.begin(), group.indices.end());
  }
  if (all.empty()) return out;
  DeleteRequest request = facts.request;
  request.allow_missing = true;
  return out +
         fmt::format("To settle {}, run\n    {}\nIf that succeeds, {} not in the workspace.\n",
                     all.size() == 1 ? "it" : "them",
                     CommandFor(facts, request, "unknown", SelectIds(*facts.ids, all), save),
                     all.size() == 1 ? "the run is" : "the runs are");
}

std::string StopSentence(const SummaryFacts& facts) {
  switch (facts.end.reason) {
    case StopReason::kInterrupted:
      return "Stopped by a signal.";
    case StopReason::kOutputClosed:
      return fmt::format("Stopped: {}.", Printable(facts.stop_detail));
    case StopReason::kNoConnection:
      return fmt::format("Stopped: {} cannot be reached: {}. {}.", facts.connection.server,
                         Printable(facts.end.message),
                         ConnectAdvice(facts.end.message, facts.connection));
    case StopReason::kFatal:
      return "Stopped: the reason above would have been the same for every other run.";
    case StopReason::kRetryAfterTooLong:
      return "Stopped: the gateway asked for a longer wait than --max-wait allows.";
    case StopReason::kAlwaysRejected:
      return "Stopped: the gateway went on refusing after every wait.";
    case StopReason::kNone:
      break;
  }
  return "Stopped.";
}

std::string RemainingSection(const SummaryFacts& facts, const SaveIds& save) {
  if (facts.left.empty()) return "";
  return fmt::format(
      "\n{} {} left. To go on, run\n    {}\n", StopSentence(facts),
      facts.left.size() == 1 ? "1 run is" : fmt::format("{} runs are", facts.left.size()),
      CommandFor(facts, facts.request, "left", SelectIds(*facts.ids, facts.left), save));
}

}  // namespace

std::string RenderSummary(const SummaryFacts& facts, const Tally& tally, const SaveIds& save) {
  return CountsSection(facts, tally) + FailedSection(facts, tally, save) +
         UnknownSection(facts, tally, save) + RemainingSection(facts, save);
}

}  // namespace evalrun::cli
