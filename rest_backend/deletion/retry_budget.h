// SPDX-License-Identifier: Apache-2.0
//
// File: retry_budget.h
//
// Bounds the retries of all calls together, so that retries do not multiply the load of an outage:
// each call deposits a fraction of a retry, and each retry withdraws a whole one. Pure arithmetic.
#ifndef EVALRUN_REST_BACKEND_DELETION_RETRY_BUDGET_H_
#define EVALRUN_REST_BACKEND_DELETION_RETRY_BUDGET_H_

#include <algorithm>
#include <cstdint>

namespace evalrun::deletion {

struct RetryBudgetOptions {
  bool enabled = true;
  int percent = 10;  // retries per 100 calls in the long run
  int burst = 100;   // the maximum and initial balance, in retries
};

// Not thread-safe.
class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetOptions& options)
      : enabled_(options.enabled),
        deposit_(options.percent),
        max_balance_(std::int64_t{options.burst} * kUnitsPerRetry),
        saved_(max_balance_) {}

  // A call begins.
  void Deposit() { saved_ = std::min(saved_ + deposit_, max_balance_); }

  // Withdraws one retry. False, and nothing is withdrawn, when the balance is below one.
  [[nodiscard]] bool TryWithdraw() {
    if (!enabled_) return true;
    if (saved_ < kUnitsPerRetry) return false;
    saved_ -= kUnitsPerRetry;
    return true;
  }

  // The balance, in whole retries.
  [[nodiscard]] std::int64_t saved() const { return saved_ / kUnitsPerRetry; }

 private:
  static constexpr std::int64_t kUnitsPerRetry = 100;  // the balance is in hundredths of a retry

  bool enabled_;
  std::int64_t deposit_;
  std::int64_t max_balance_;
  std::int64_t saved_;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_RETRY_BUDGET_H_
