// SPDX-License-Identifier: Apache-2.0
//
// File: limiter.h
//
// Checks each call against all rules at once: either every rule has capacity and is charged, or
// none is. Times are nanoseconds of a steady clock, above 0.
//
//   const Limiter::Decision decision = limiter.Check(subjects, now);
//   if (decision.denied != 0) ... reject; decision.wait is when there will be capacity ...
//   else limiter.Commit(now);
#ifndef EVALRUN_SERVICE_RATELIMIT_LIMITER_H_
#define EVALRUN_SERVICE_RATELIMIT_LIMITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "service/ratelimit/bucket_table.h"
#include "service/ratelimit/lease.h"
#include "service/ratelimit/rule_set.h"
#include "service/ratelimit/shared_store.h"

namespace evalrun::ratelimit {

inline constexpr std::size_t kMaxLimitRules = 32;
inline constexpr std::size_t kMaxHotKeys = 16;

// Not thread-safe: it belongs to the event loop. Check() and Commit() do not allocate.
class Limiter {
 public:
  struct Options {
    std::size_t max_keys = 100'000;
    std::uint64_t seed = 0;  // random, so that callers cannot choose subjects whose hashes collide
  };

  struct Decision {
    // Bit masks of the rules without capacity: those that are enforced, and those in shadow mode.
    std::uint32_t denied = 0;
    std::uint32_t shadow_denied = 0;
    // Of the enforced rules without capacity the one with the longest wait (-1: none), and that
    // wait.
    int rule = -1;
    std::int64_t wait = 0;
  };

  // Counts calls, not retries (TryAcquireAttempt). A rejected call counts for one enforced rule:
  // the one with the longest wait.
  struct RuleCounts {
    std::uint64_t allowed = 0;
    std::uint64_t denied = 0;
    std::uint64_t shadow_denied = 0;
  };

  // A subject that has recently used most of what a rule allows, or was rejected by it.
  struct HotKey {
    std::size_t rule = 0;
    std::string subject;
    std::int64_t last = 0;             // the last time that this happened
    std::int64_t tat = 0;              // the TAT at that time (gcra.h)
    std::int64_t burst_tolerance = 0;  // of the quota, in nanoseconds
    std::uint64_t denied = 0;          // since it was listed, including shadow mode
  };

  // `mailbox` is where leases are requested; it must outlive the limiter. Null: each replica uses
  // only its share.
  Limiter(const Options& options, LeaseMailbox* mailbox);

  // Replaces the rules, of which there may be at most kMaxLimitRules, and the number of replicas
  // that enforce them. State and counters are kept for rules whose name stays the same.
  void SetRules(std::shared_ptr<const RuleSet> rules, std::int64_t replicas);

  // The call is admitted if no enforced rule denies it. Nothing is charged yet. The views must be
  // valid until Commit().
  [[nodiscard]] Decision Check(const LimitSubjects& subjects, std::int64_t now);
  // Charges the call that was checked last, which must not have been denied.
  void Commit(std::int64_t now);

  // Asks for another attempt (a retry) with this upstream key. Returns 0 and charges it, or returns
  // how long to wait until the rules by upstream key have capacity.
  [[nodiscard]] std::int64_t TryAcquireAttempt(std::string_view upstream_key, std::int64_t now);

  // Whether there are no rules at all, so that nothing needs to be checked.
  [[nodiscard]] bool has_no_rules() const { return rules_->size() == 0; }
  [[nodiscard]] const RuleSet& rules() const { return *rules_; }
  [[nodiscard]] const RuleCounts& counts(std::size_t rule) const { return counts_[rule]; }
  [[nodiscard]] const BucketTable& keys() const { return keys_; }
  // Calls that were charged to an overflow key because the table was full.
  [[nodiscard]] std::uint64_t overflowed() const { return overflowed_; }
  // Up to kMaxHotKeys subjects that were near a limit, the most recent ones, unordered.
  [[nodiscard]] const std::vector<HotKey>& hot_keys() const { return hot_keys_; }

 private:
  // The result of checking the last call against one rule.
  struct Evaluation {
    std::size_t rule;
    std::string_view subject;
    const Quota* quota;
    Quota share;
    BucketTable::Index index;  // kNone: the overflow key
    std::int64_t wait;
    bool leased;  // there is no capacity in the share, but in the lease
  };

  void Evaluate(std::size_t rule, const LimitSubjects& subjects, std::int64_t now,
                Decision* decision);
  void CountRejection(const Decision& decision, std::int64_t now);
  void RecordHotKey(const Evaluation& evaluation, std::int64_t now);
  void CommitEvaluations(std::int64_t now);
  [[nodiscard]] std::int64_t& MutableTat(const Evaluation& evaluation);
  Lease& MutableLease(BucketTable::Index index);
  void RequestLeases(std::int64_t now);
  void ApplyResponses(std::int64_t now);
  [[nodiscard]] bool IsShared(const Evaluation& evaluation) const {
    return mailbox_ != nullptr && evaluation.index != BucketTable::kNone;
  }

  const Options options_;
  LeaseMailbox* const mailbox_;
  std::shared_ptr<const RuleSet> rules_;
  std::int64_t replicas_ = 1;
  BucketTable keys_;  // allocated at full size when the first rules are set
  struct OwnedLease {
    BucketTable::Hash owner = 0;
    Lease lease;
  };
  std::vector<OwnedLease> leases_;                        // by index; empty without a mailbox
  std::vector<std::uint64_t> salts_;                      // by rule
  std::vector<std::int64_t> overflow_tats_;               // by rule
  std::vector<RuleCounts> counts_;                        // by rule
  std::array<Evaluation, kMaxLimitRules> evaluations_{};  // of the last call
  std::size_t evaluation_count_ = 0;
  std::uint64_t overflowed_ = 0;
  std::vector<HotKey> hot_keys_;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_LIMITER_H_
