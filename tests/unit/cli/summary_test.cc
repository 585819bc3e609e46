// SPDX-License-Identifier: Apache-2.0

#include "service/cli/summary.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace evalrun::cli {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

std::vector<std::string> Ids(std::size_t count) {
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < count; ++i) {
    ids.push_back(fmt::format("00000000-0000-4000-8000-{:012x}", i));
  }
  return ids;
}

DeleteResult Report(StatusCode code, std::string deletion, std::string reason = "",
                    std::string message = "") {
  DeleteResult report;
  report.code = code;
  report.deletion = std::move(deletion);
  report.reason = std::move(reason);
  report.message = std::move(message);
  report.has_details = true;
  return report;
}

// The ids that were saved instead of listed.
struct Saved {
  std::string kind;
  std::vector<std::string> ids;
};

struct Harness {
  explicit Harness(std::size_t count) : ids(Ids(count)) { facts.ids = &ids; }

  std::string Render() {
    return RenderSummary(facts, tally, [this](const std::string& kind, const auto& some) {
      saved.push_back({kind, some});
      return saves ? std::optional(kind + ".txt") : std::nullopt;
    });
  }

  std::vector<std::string> ids;
  SummaryFacts facts;
  Tally tally;
  std::vector<Saved> saved;
  bool saves = true;
};

TEST(SummaryTest, AllGone) {
  Harness bench(4);
  bench.tally.Add(0, Report(StatusCode::kOk, "performed"));
  bench.tally.Add(1, Report(StatusCode::kOk, "performed"));
  bench.tally.Add(2, Report(StatusCode::kOk, "presumed"));
  bench.tally.Add(3, Report(StatusCode::kOk, "absent"));
  bench.facts.gone_before = 7;
  bench.facts.duplicates = 1;
  EXPECT_EQ(bench.Render(),
            "       4 not in the workspace: 1 not there to begin with, 2 deleted, 1 deleted "
            "earlier, presumably\n"
            "       7 skipped: done already, according to the done-file\n"
            "       1 named more than once, and counted once\n");
}

TEST(SummaryTest, EveryOutcome) {
  Harness bench(6);
  bench.tally.Add(0, Report(StatusCode::kOk, "performed"));
  bench.tally.Add(1, Report(StatusCode::kAborted, "not_performed", "RESOURCE_CONFLICT", "busy"));
  bench.tally.Add(2, Report(StatusCode::kUnavailable, "unknown", "UPSTREAM_CONNECTION_LOST"));
  bench.tally.Add(3, Report(StatusCode::kAborted, "not_performed", "RESOURCE_CONFLICT", "busy"));
  bench.facts.left = {4, 5};
  bench.facts.end = {StopReason::kInterrupted, ""};
  bench.facts.request.workspace_uuid = "w";
  bench.facts.connection.server = "host:1";
  bench.facts.done_file = "my done.txt";
  EXPECT_EQ(bench.Render(), R"(       1 not in the workspace: 1 deleted
       2 not deleted
       1 unknown whether deleted
       2 left: nothing was sent for them, or it was refused

2 not deleted: ABORTED, RESOURCE_CONFLICT: busy
  00000000-0000-4000-8000-000000000001
  00000000-0000-4000-8000-000000000003
The run cannot be deleted in its present state, for example while it is being processed. Run the same command again later.

1 unknown whether deleted: UNAVAILABLE, UPSTREAM_CONNECTION_LOST
  00000000-0000-4000-8000-000000000002
To settle it, run
    evalrunctl delete --allow-missing --workspace w --server host:1 --done-file 'my done.txt' 00000000-0000-4000-8000-000000000002
If that succeeds, the run is not in the workspace.

Stopped by a signal. 2 runs are left. To go on, run
    evalrunctl delete --workspace w --server host:1 --done-file 'my done.txt' 00000000-0000-4000-8000-000000000004 00000000-0000-4000-8000-000000000005
)");
  EXPECT_THAT(bench.saved, SizeIs(0));
}

TEST(SummaryTest, SavesLongListsToAFile) {
  Harness bench(100);
  for (std::size_t i = 0; i < 30; ++i) {
    bench.tally.Add(i, Report(StatusCode::kUnavailable, "unknown"));
    bench.tally.Add(30 + i, Report(StatusCode::kAborted, "not_performed"));
    bench.facts.left.push_back(60 + i);
  }
  const std::string text = bench.Render();
  EXPECT_THAT(text,
              HasSubstr("evalrunctl delete --allow-missing --server 127.0.0.1:50051 --from-file "
                        "unknown.txt\n"));
  EXPECT_THAT(text, HasSubstr("All 30 that were not deleted are listed in failed.txt."));
  EXPECT_THAT(text, HasSubstr("evalrunctl delete --server 127.0.0.1:50051 --from-file left.txt\n"));
  EXPECT_THAT(text, HasSubstr(bench.ids[19] + "\n  and 10 more\n"));
  ASSERT_THAT(bench.saved, SizeIs(3));
  for (const Saved& saved : bench.saved) EXPECT_THAT(saved.ids, SizeIs(30));
}

// The settling command would fail again.
TEST(SummaryTest, SettlesNothingInAMissingWorkspace) {
  Harness bench(2);
  bench.tally.Add(0, Report(StatusCode::kFailedPrecondition, "unknown", "SCOPE_NOT_FOUND"));
  EXPECT_THAT(bench.Render(), HasSubstr("is missing: nothing is known about the run"));
  EXPECT_THAT(bench.Render(), Not(HasSubstr("--allow-missing")));
  bench.tally.Add(1, Report(StatusCode::kUnavailable, "unknown"));
  EXPECT_THAT(bench.Render(),
              HasSubstr("--allow-missing --server 127.0.0.1:50051 " + bench.ids[1] + "\n"));
}

// No ids may be lost because the disk is full.
TEST(SummaryTest, ListsIdsWhenSavingFails) {
  Harness bench(30);
  bench.saves = false;
  for (std::size_t i = 0; i < 30; ++i) {
    bench.tally.Add(i, Report(StatusCode::kUnavailable, "unknown"));
  }
  const std::string text = bench.Render();
  for (const std::string& id : bench.ids) EXPECT_THAT(text, HasSubstr(id));
}

TEST(SummaryTest, ReportsStopReason) {
  const struct {
    StopReason reason;
    const char* said;
  } kTable[] = {
      {StopReason::kInterrupted, "Stopped by a signal."},
      {StopReason::kOutputClosed, "Stopped: the pipe broke."},
      {StopReason::kNoConnection, "127.0.0.1:50051 cannot be reached: Connection refused."},
      {StopReason::kFatal, "the same for every other run"},
      {StopReason::kRetryAfterTooLong, "--max-wait"},
      {StopReason::kAlwaysRejected, "went on refusing"},
  };
  for (const auto& [reason, said] : kTable) {
    Harness bench(1);
    bench.facts.left = {0};
    bench.facts.end = {reason, "Connection refused"};
    bench.facts.stop_detail = "the pipe broke";
    EXPECT_THAT(bench.Render(), HasSubstr(said));
    EXPECT_THAT(bench.Render(), HasSubstr("1 run is left."));
  }
}

TEST(SummaryTest, EscapesServerText) {
  Harness bench(2);
  const std::string evil = "\x1b[2J\n";
  bench.tally.Add(0, Report(StatusCode::kInternal, evil, evil, evil));
  bench.tally.Add(1, Report(StatusCode::kOk, evil));
  const std::string text = bench.Render();
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, HasSubstr("\\x1b[2J\\x0a"));
}

TEST(TallyTest, GroupsEqualErrors) {
  Tally tally;
  tally.Add(0, Report(StatusCode::kInternal, "not_performed", "A", "first"));
  tally.Add(1, Report(StatusCode::kInternal, "not_performed", "B"));
  tally.Add(2, Report(StatusCode::kInternal, "not_performed", "A", "second"));
  ASSERT_THAT(tally.failed(), SizeIs(2));
  EXPECT_EQ(tally.failed()[0].sample.message, "first");
  EXPECT_THAT(tally.failed()[0].indices, ElementsAre(0, 2));
  EXPECT_EQ(tally.failed_count(), 3u);
}

TEST(TallyTest, BoundsNumberOfGroups) {
  Tally tally;
  for (std::size_t i = 0; i < 1000; ++i) {
    tally.Add(i, Report(StatusCode::kInternal, "not_performed", std::to_string(i)));
    tally.Add(i, Report(StatusCode::kOk, std::to_string(i)));
  }
  EXPECT_THAT(tally.failed(), SizeIs(100));
  EXPECT_EQ(tally.failed_count(), 1000u);
  EXPECT_LE(tally.gone().size(), 101u);
  EXPECT_EQ(tally.gone_count(), 1000u);
}

}  // namespace
}  // namespace evalrun::cli
