// SPDX-License-Identifier: Apache-2.0

#include "tests/soak/faults.h"

#include <chrono>
#include <random>

#include "tests/support/scripts.h"

namespace evalrun::testing {
namespace {

using namespace std::chrono_literals;

// Uniform in [0, 1000), without correlation to other periods.
unsigned PerMille(std::uint64_t number) {
  return static_cast<unsigned>(std::mt19937_64(number)() % 1000);
}

}  // namespace

TimedReply SoakReply(std::uint64_t number) {
  static const std::string kDeleted = HttpReply(204);
  static const std::string kLimited =
      ApiErrorReply(429, "quota.limit_exceeded", "retry-after-ms: 50\r\n");
  static const std::string kBusy = ApiErrorReply(503, "server.busy", "retry-after-ms: 20\r\n");
  static const std::string kBroken = ApiErrorReply(500, "server.internal_error");
  static const std::string kAbsent = ApiErrorReply(404, "resource.not_found");
  static const std::string kProxy = HttpReply(502, "<html>bad gateway</html>", "text/html");
  using After = TimedReply::After;

  // Cumulative: each row applies to the numbers not covered by earlier rows.
  const struct {
    unsigned below;
    TimedReply reply;
  } rows[] = {
      {2, {kLimited, 2ms}},
      {10, {kBusy, 2ms}},
      {16, {kBroken, 2ms}},
      {20, {kProxy, 2ms}},
      {26, {kAbsent, 2ms}},
      {34, {"", 2ms, After::kClose}},
      {40, {"", 2ms, After::kReset}},
      {42, {"no HTTP at all\r\n\r\n", 2ms, After::kClose}},
      {44, {kDeleted.substr(0, 20), 2ms, After::kReset}},
      {46, {"", 24h}},
      {66, {kDeleted, 100ms}},
      {76, {kDeleted, 2ms, After::kClose}},
      {1000, {kDeleted, 2ms}},
  };
  const unsigned at = PerMille(number);
  for (const auto& row : rows) {
    if (at < row.below) return row.reply;
  }
  return {kDeleted, 2ms};
}

CallPlan SoakCall(std::uint64_t number) {
  const unsigned at = PerMille(~number);
  if (at < 15) return {.timeout = 3s, .cancel_after = std::chrono::milliseconds(at)};
  if (at < 35) return {.timeout = std::chrono::milliseconds(at)};
  return {.timeout = 3s};
}

}  // namespace evalrun::testing
