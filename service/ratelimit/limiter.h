// File: limiter.h
//
// Holds each call against all rules at once: either all of them let it in and are charged, or none
// is. Times are nanoseconds of a steady clock, above 0.
//
//   const Limiter::Verdict verdict = limiter.Check(subjects, now);
//   if (verdict.refused != 0) ... answer; verdict.wait is when it will be let in ...
//   else limiter.Charge(now);
#ifndef EVALRUN_SERVICE_RATELIMIT_LIMITER_H_
#define EVALRUN_SERVICE_RATELIMIT_LIMITER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "service/ratelimit/key_table.h"
#include "service/ratelimit/lease.h"
#include "service/ratelimit/rule_set.h"
#include "service/ratelimit/shared_store.h"

namespace evalrun::ratelimit {

inline constexpr std::size_t kMostLimitRules = 32;
inline constexpr std::size_t kMostNear = 16;

// Not thread-safe: it lives in the room of the calls. Check() and Charge() allocate nothing.
class Limiter {
 public:
  struct Options {
    std::size_t max_keys = 100'000;
    std::uint64_t seed = 0;  // random, so that nobody can choose subjects that share a hash
  };

  struct Verdict {
    // A bit for each rule without room: of those that are enforced, and of those in shadow mode.
    std::uint32_t refused = 0;
    std::uint32_t shadow_refused = 0;
    // Of the enforced ones the one that takes longest, and how long that is.
    int rule = -1;
    std::int64_t wait = 0;
  };

  // Of calls; a further send (TryChargeSend) is none. A refused call counts for one rule: the one
  // that takes longest.
  struct RuleCounts {
    std::uint64_t allowed = 0;
    std::uint64_t refused = 0;
    std::uint64_t shadow_refused = 0;
  };

  // Somebody who has lately used most of what a rule allows, or was refused by it.
  struct Near {
    std::size_t rule = 0;
    std::string subject;
    std::int64_t last = 0;      // when that was
    std::int64_t tat = 0;       // then (gcra.h)
    std::int64_t room = 0;      // of the quota
    std::uint64_t refused = 0;  // how often since it is listed, in shadow mode too
  };

  // `desk` is where leases are asked for and outlives the limiter; null: each replica has its
  // share.
  Limiter(const Options& options, LeaseDesk* desk);

  // From now on these rules hold, at each of so many replicas. At most kMostLimitRules. What is
  // remembered of keys and counted for rules stays with the rules' names.
  void SetRules(std::shared_ptr<const RuleSet> rules, std::int64_t replicas);

  // A call is let in if no enforced rule refuses it. Nothing is charged yet. Views are used until
  // Charge() only.
  [[nodiscard]] Verdict Check(const LimitSubjects& subjects, std::int64_t now);
  // Charges the call that was last checked, and was not refused.
  void Charge(std::int64_t now);

  // One send more to the upstream under this key. Returns 0 and charges it, or returns how long
  // until there is room under the rules by upstream key.
  [[nodiscard]] std::int64_t TryChargeSend(std::string_view upstream_key, std::int64_t now);

  // Whether no rule holds for anybody: there is nothing to check then.
  [[nodiscard]] bool is_idle() const { return rules_->size() == 0; }
  [[nodiscard]] const RuleSet& rules() const { return *rules_; }
  [[nodiscard]] const RuleCounts& counts(std::size_t rule) const { return counts_[rule]; }
  [[nodiscard]] const KeyTable& keys() const { return keys_; }
  // Calls that were charged to a key shared by those that found no room in the table.
  [[nodiscard]] std::uint64_t overflowed() const { return overflowed_; }
  // A few of those who are near a limit, the last ones, in no order.
  [[nodiscard]] const std::vector<Near>& near() const { return near_; }

 private:
  // A rule that the last call was held against.
  struct Held {
    std::size_t rule;
    std::string_view subject;
    const Quota* quota;
    Quota share;
    KeyTable::Index index;  // kNone: the overflow key
    std::int64_t wait;
    bool leased;  // its share has no room, but a lease has
  };

  void HoldAgainst(std::size_t rule, const LimitSubjects& subjects, std::int64_t now,
                   Verdict* verdict);
  void CountRefusal(const Verdict& verdict, std::int64_t now);
  void NoteNear(const Held& held, std::int64_t now);
  void ChargeHeld(std::int64_t now);
  [[nodiscard]] std::int64_t& TatOf(const Held& held);
  Lease& LeaseOf(KeyTable::Index index);
  void AskForLeases(std::int64_t now);
  void TakeAnswers(std::int64_t now);
  [[nodiscard]] bool IsShared(const Held& held) const {
    return desk_ != nullptr && held.index != KeyTable::kNone;
  }

  const Options options_;
  LeaseDesk* const desk_;
  std::shared_ptr<const RuleSet> rules_;
  std::int64_t replicas_ = 1;
  KeyTable keys_;  // of its full size once there are rules
  struct OwnedLease {
    KeyTable::Hash owner = 0;
    Lease lease;
  };
  std::vector<OwnedLease> leases_;            // by index; empty without a desk
  std::vector<std::uint64_t> salts_;          // by rule
  std::vector<std::int64_t> overflow_tats_;   // by rule
  std::vector<RuleCounts> counts_;            // by rule
  std::array<Held, kMostLimitRules> held_{};  // of the last call
  std::size_t held_count_ = 0;
  std::uint64_t overflowed_ = 0;
  std::vector<Near> near_;
};

}  // namespace evalrun::ratelimit

#endif  // EVALRUN_SERVICE_RATELIMIT_LIMITER_H_
