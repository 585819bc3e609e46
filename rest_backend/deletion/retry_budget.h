// File: retry_budget.h
//
// A bound on the retries of all calls together, so that an outage is not multiplied: each call pays
// in a part of a send, and each retry takes out a whole one. Pure arithmetic.
#ifndef EVALRUN_REST_BACKEND_DELETION_RETRY_BUDGET_H_
#define EVALRUN_REST_BACKEND_DELETION_RETRY_BUDGET_H_

#include <algorithm>
#include <cstdint>

namespace evalrun::deletion {

struct RetryBudgetOptions {
  bool enabled = true;
  int percent = 10;  // of the calls: how many retries they pay for in the long run
  int burst = 100;   // how many retries are saved up at most, and at the start
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

  // Takes out one retry. False, and nothing is taken, when not that much is saved.
  [[nodiscard]] bool TryWithdraw() {
    if (!enabled_) return true;
    if (saved_ < kUnitsPerRetry) return false;
    saved_ -= kUnitsPerRetry;
    return true;
  }

  // Whole retries that are saved up.
  [[nodiscard]] std::int64_t saved() const { return saved_ / kUnitsPerRetry; }

 private:
  static constexpr std::int64_t kUnitsPerRetry = 100;  // counted in hundredths of a retry

  bool enabled_;
  std::int64_t deposit_;
  std::int64_t max_balance_;
  std::int64_t saved_;
};

}  // namespace evalrun::deletion

#endif  // EVALRUN_REST_BACKEND_DELETION_RETRY_BUDGET_H_
