// File: limiter.h
//
// Holds each call against all rules at once: either all of them let it in and are charged, or none
// is. Times are nanoseconds of a steady clock, above 0.
//
//   const Limiter::Decision decision = limiter.Check(subjects, now);
//   if (decision.refused != 0) ... answer; decision.wait is when it will be let in ...
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

// Not thread-safe: it lives in the room of the calls. Check() and Commit() allocate nothing.
class Limiter {
 public:
  struct Options {
    std::size_t max_keys = 100'000;
    std::uint64_t seed = 0;  // random, so that nobody can choose subjects that share a hash
  };

  struct Decision {
    // A bit for each rule without room: of those that are enforced, and of those in shadow mode.
    std::uint32_t refused = 0;
    std::uint32_t shadow_refused = 0;
    // Of the enforced ones the one that takes longest, and how long that is.
    int rule = -1;
    std::int64_t wait = 0;
  };

  // Of calls; a further send (TryAcquireAttempt) is none. A refused call counts for one rule: the
  // one that takes longest.
  struct RuleCounts {
    std::uint64_t allowed = 0;
    std::uint64_t refused = 0;
    std::uint64_t shadow_refused = 0;
  };

  // Somebody who has lately used most of what a rule allows, or was refused by it.
  struct HotKey {
    std::size_t rule = 0;
    std::string subject;
    std::int64_t last = 0;             // when that was
    std::int64_t tat = 0;              // then (gcra.h)
    std::int64_t burst_tolerance = 0;  // of the quota, in nanoseconds
    std::uint64_t refused = 0;         // how often since it is listed, in shadow mode too
  };

  // `mailbox` is where leases are asked for and outlives the limiter; null: each replica has its
  // share.
  Limiter(const Options& options, LeaseMailbox* mailbox);

  // From now on these rules hold, at each of so many replicas. At most kMaxLimitRules. What is
  // remembered of keys and counted for rules stays with the rules' names.
  void SetRules(std::shared_ptr<const RuleSet> rules, std::int64_t replicas);

  // A call is let in if no enforced rule refuses it. Nothing is charged yet. Views are used until
  // Commit() only.
  [[nodiscard]] Decision Check(const LimitSubjects& subjects, std::int64_t now);
  // Charges the call that was last checked, and was not refused.
  void Commit(std::int64_t now);

  // One send more to the upstream under this key. Returns 0 and charges it, or returns how long
  // until there is room under the rules by upstream key.
  [[nodiscard]] std::int64_t TryAcquireAttempt(std::string_view upstream_key, std::int64_t now);

  // Whether no rule holds for anybody: there is nothing to check then.
  [[nodiscard]] bool has_no_rules() const { return rules_->size() == 0; }
  [[nodiscard]] const RuleSet& rules() const { return *rules_; }
  [[nodiscard]] const RuleCounts& counts(std::size_t rule) const { return counts_[rule]; }
  [[nodiscard]] const BucketTable& keys() const { return keys_; }
  // Calls that were charged to a key shared by those that found no room in the table.
  [[nodiscard]] std::uint64_t overflowed() const { return overflowed_; }
  // A few of those who are near a limit, the last ones, in no order.
  [[nodiscard]] const std::vector<HotKey>& hot_keys() const { return hot_keys_; }

 private:
  // A rule that the last call was evaluation against.
  struct Evaluation {
    std::size_t rule;
    std::string_view subject;
    const Quota* quota;
    Quota share;
    BucketTable::Index index;  // kNone: the overflow key
    std::int64_t wait;
    bool leased;  // its share has no room, but a lease has
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
  BucketTable keys_;  // of its full size once there are rules
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
