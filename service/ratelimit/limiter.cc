#include "service/ratelimit/limiter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/hash/hash.h>
#include <absl/strings/string_view.h>

namespace evalrun::ratelimit {
namespace {

// Who has less than this part of the burst left is near the limit.
constexpr std::int64_t kNearPart = 5;

std::uint64_t HashOf(std::uint64_t seed, std::string_view text) {
  return absl::HashOf(seed, absl::string_view(text.data(), text.size()));
}

}  // namespace

Limiter::Limiter(const Options& options, LeaseDesk* desk)
    : options_(options), desk_(desk), rules_(std::make_shared<RuleSet>()), keys_(1) {}

void Limiter::SetRules(std::shared_ptr<const RuleSet> rules, std::int64_t replicas) {
  if (rules->size() > 0 && keys_.capacity() != options_.max_keys) {
    keys_ = KeyTable(options_.max_keys);
    if (desk_ != nullptr) leases_.resize(options_.max_keys);
  }
  std::vector<std::int64_t> overflow_tats(rules->size(), 0);
  std::vector<RuleCounts> counts(rules->size());
  salts_.clear();
  for (std::size_t i = 0; i < rules->size(); ++i) {
    const std::string& name = rules->rule(i).name;
    salts_.push_back(HashOf(options_.seed, name));
    for (std::size_t old = 0; old < rules_->size(); ++old) {
      if (rules_->rule(old).name != name) continue;
      overflow_tats[i] = overflow_tats_[old];
      counts[i] = counts_[old];
    }
  }
  rules_ = std::move(rules);
  replicas_ = replicas;
  overflow_tats_ = std::move(overflow_tats);
  counts_ = std::move(counts);
  held_count_ = 0;
  near_.clear();
}

Limiter::Verdict Limiter::Check(const LimitSubjects& subjects, std::int64_t now) {
  Verdict verdict;
  held_count_ = 0;
  if (desk_ != nullptr) TakeAnswers(now);
  for (std::size_t rule = 0; rule < salts_.size(); ++rule) {
    HoldAgainst(rule, subjects, now, &verdict);
  }
  if ((verdict.refused | verdict.shadow_refused) != 0) CountRefusal(verdict, now);
  if (verdict.refused != 0) AskForLeases(now);
  return verdict;
}

void Limiter::CountRefusal(const Verdict& verdict, std::int64_t now) {
  if (verdict.rule >= 0) ++counts_[static_cast<std::size_t>(verdict.rule)].refused;
  for (std::size_t i = 0; i < held_count_; ++i) {
    if (held_[i].wait == 0) continue;
    if (rules_->rule(held_[i].rule).shadow) ++counts_[held_[i].rule].shadow_refused;
    NoteNear(held_[i], now);
  }
}

void Limiter::NoteNear(const Held& held, std::int64_t now) {
  auto entry = std::ranges::find_if(near_, [&held](const Near& known) {
    return known.rule == held.rule && known.subject == held.subject;
  });
  if (entry == near_.end()) {
    if (near_.size() < kMostNear) {
      entry = near_.emplace(entry);
    } else {
      entry = std::ranges::min_element(near_, {}, &Near::last);
    }
    entry->rule = held.rule;
    entry->subject = held.subject;
    entry->refused = 0;
  }
  entry->last = now;
  entry->tat = TatOf(held);
  entry->room = gcra::Room(held.share);
  if (held.wait > 0) ++entry->refused;
}

std::int64_t Limiter::TryChargeSend(std::string_view upstream_key, std::int64_t now) {
  Verdict verdict;
  held_count_ = 0;
  if (desk_ != nullptr) TakeAnswers(now);
  for (std::size_t rule = 0; rule < salts_.size(); ++rule) {
    if (rules_->rule(rule).by != LimitedBy::kUpstreamKey) continue;
    HoldAgainst(rule, {.caller = {}, .workspace = {}, .upstream_key = upstream_key}, now, &verdict);
  }
  verdict.refused == 0 ? ChargeHeld(now) : AskForLeases(now);
  return verdict.wait;
}

void Limiter::HoldAgainst(std::size_t rule, const LimitSubjects& subjects, std::int64_t now,
                          Verdict* verdict) {
  const std::string_view subject = subjects.Of(rules_->rule(rule).by);
  const Quota* quota = rules_->QuotaOf(rule, subject);
  if (quota == nullptr) return;
  const KeyTable::Index index = keys_.Find(HashOf(salts_[rule], subject), now);
  // Those who share a key have the quota of nobody in particular.
  if (index == KeyTable::kNone) {
    quota = &rules_->rule(rule).quota;
    ++overflowed_;
  }
  Held& held = held_[held_count_++];
  held = {.rule = rule,
          .subject = subject,
          .quota = quota,
          .share = replicas_ == 1 ? *quota : ShareOf(*quota, replicas_),
          .index = index,
          .wait = 0,
          .leased = false};
  std::int64_t& tat = TatOf(held);
  tat = std::min(tat, now + gcra::Room(held.share));  // of a time when the quota was larger
  held.wait = gcra::Wait(held.share, tat, now);
  if (IsShared(held)) {
    Lease& lease = LeaseOf(index);
    lease.CountCall(now);
    if (held.wait > 0 && lease.usable(now) > 0) {
      held.wait = 0;
      held.leased = true;
    }
  }
  if (held.wait == 0) return;
  if (rules_->rule(rule).shadow) {
    verdict->shadow_refused |= 1U << rule;
    return;
  }
  verdict->refused |= 1U << rule;
  if (held.wait > verdict->wait) {
    verdict->wait = held.wait;
    verdict->rule = static_cast<int>(rule);
  }
}

void Limiter::Charge(std::int64_t now) {
  for (std::size_t i = 0; i < held_count_; ++i) {
    if (held_[i].wait == 0) ++counts_[held_[i].rule].allowed;
  }
  ChargeHeld(now);
}

void Limiter::ChargeHeld(std::int64_t now) {
  for (std::size_t i = 0; i < held_count_; ++i) {
    const Held& held = held_[i];
    if (held.wait > 0) continue;  // in shadow mode
    if (held.leased) {
      LeaseOf(held.index).Use();
      continue;
    }
    std::int64_t& tat = TatOf(held);
    tat = gcra::After(held.share, tat, now);
    if (tat - now > gcra::Room(held.share) / kNearPart * (kNearPart - 1)) NoteNear(held, now);
    if (IsShared(held)) LeaseOf(held.index).OnShareUsed(held.share);
  }
  AskForLeases(now);
  held_count_ = 0;
}

std::int64_t& Limiter::TatOf(const Held& held) {
  return held.index == KeyTable::kNone ? overflow_tats_[held.rule] : keys_.tat(held.index);
}

Lease& Limiter::LeaseOf(KeyTable::Index index) {
  OwnedLease& owned = leases_[index];
  if (owned.owner != keys_.hash(index)) owned = {.owner = keys_.hash(index), .lease = {}};
  return owned.lease;
}

void Limiter::AskForLeases(std::int64_t now) {
  if (desk_ == nullptr) return;
  for (std::size_t i = 0; i < held_count_; ++i) {
    const Held& held = held_[i];
    LeaseRequest* request = IsShared(held) ? desk_->requests.FreeSlot() : nullptr;
    if (request == nullptr) continue;
    const std::optional<Lease::Ask> ask =
        LeaseOf(held.index).NextAsk(held.share, keys_.tat(held.index), now);
    if (!ask.has_value()) continue;
    request->index = held.index;
    request->hash = keys_.hash(held.index);
    request->key.assign(rules_->rule(held.rule).name).append(":").append(held.subject);
    request->quota = StoreQuotaOf(*held.quota, replicas_);
    request->lease_time = LeaseTimeOf(*held.quota);
    request->spent = ask->spent;
    request->want = ask->want;
    desk_->requests.Push();
    desk_->Ring();
  }
}

void Limiter::TakeAnswers(std::int64_t now) {
  while (const LeaseAnswer* answer = desk_->answers.Front()) {
    // The key may have been forgotten since.
    if (leases_[answer->index].owner == answer->hash) {
      leases_[answer->index].lease.OnAnswer(answer->granted, answer->lease_time, now);
    }
    desk_->answers.Pop();
  }
}

}  // namespace evalrun::ratelimit
