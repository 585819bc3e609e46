// SPDX-License-Identifier: Apache-2.0

#include "service/ratelimit/limiter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <absl/hash/hash.h>
#include <absl/strings/string_view.h>

namespace evalrun::ratelimit {
namespace {

// A subject with less than 1 / kHotKeyFraction of its burst left is a hot key.
constexpr std::int64_t kHotKeyFraction = 5;

std::uint64_t HashSubject(std::uint64_t seed, std::string_view text) {
  return absl::HashOf(seed, absl::string_view(text.data(), text.size()));
}

}  // namespace

Limiter::Limiter(const Options& options, LeaseMailbox* mailbox)
    : options_(options), mailbox_(mailbox), rules_(std::make_shared<RuleSet>()), keys_(1) {}

void Limiter::SetRules(std::shared_ptr<const RuleSet> rules, std::int64_t replicas) {
  if (rules->size() > 0 && keys_.capacity() != options_.max_keys) {
    keys_ = BucketTable(options_.max_keys);
    if (mailbox_ != nullptr) leases_.resize(options_.max_keys);
  }
  std::vector<std::int64_t> overflow_tats(rules->size(), 0);
  std::vector<RuleCounts> counts(rules->size());
  salts_.clear();
  for (std::size_t i = 0; i < rules->size(); ++i) {
    const std::string& name = rules->rule(i).name;
    salts_.push_back(HashSubject(options_.seed, name));
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
  evaluation_count_ = 0;
  hot_keys_.clear();
}

Limiter::Decision Limiter::Check(const LimitSubjects& subjects, std::int64_t now) {
  Decision decision;
  evaluation_count_ = 0;
  if (mailbox_ != nullptr) ApplyResponses(now);
  for (std::size_t rule = 0; rule < salts_.size(); ++rule) {
    Evaluate(rule, subjects, now, &decision);
  }
  if ((decision.denied | decision.shadow_denied) != 0) CountRejection(decision, now);
  if (decision.denied != 0) RequestLeases(now);
  return decision;
}

void Limiter::CountRejection(const Decision& decision, std::int64_t now) {
  if (decision.rule >= 0) ++counts_[static_cast<std::size_t>(decision.rule)].denied;
  for (std::size_t i = 0; i < evaluation_count_; ++i) {
    if (evaluations_[i].wait == 0) continue;
    if (rules_->rule(evaluations_[i].rule).shadow) ++counts_[evaluations_[i].rule].shadow_denied;
    RecordHotKey(evaluations_[i], now);
  }
}

void Limiter::RecordHotKey(const Evaluation& evaluation, std::int64_t now) {
  auto entry = std::ranges::find_if(hot_keys_, [&evaluation](const HotKey& known) {
    return known.rule == evaluation.rule && known.subject == evaluation.subject;
  });
  if (entry == hot_keys_.end()) {
    if (hot_keys_.size() < kMaxHotKeys) {
      entry = hot_keys_.emplace(entry);
    } else {
      entry = std::ranges::min_element(hot_keys_, {}, &HotKey::last);
    }
    entry->rule = evaluation.rule;
    entry->subject = evaluation.subject;
    entry->denied = 0;
  }
  entry->last = now;
  entry->tat = MutableTat(evaluation);
  entry->burst_tolerance = gcra::BurstTolerance(evaluation.share);
  if (evaluation.wait > 0) ++entry->denied;
}

std::int64_t Limiter::TryAcquireAttempt(std::string_view upstream_key, std::int64_t now) {
  if (has_no_rules()) return 0;
  Decision decision;
  evaluation_count_ = 0;
  if (mailbox_ != nullptr) ApplyResponses(now);
  for (std::size_t rule = 0; rule < salts_.size(); ++rule) {
    if (rules_->rule(rule).by != LimitedBy::kUpstreamKey) continue;
    Evaluate(rule, {.caller = {}, .workspace = {}, .upstream_key = upstream_key}, now, &decision);
  }
  decision.denied == 0 ? CommitEvaluations(now) : RequestLeases(now);
  return decision.wait;
}

void Limiter::Evaluate(std::size_t rule, const LimitSubjects& subjects, std::int64_t now,
                       Decision* decision) {
  const std::string_view subject = subjects.Get(rules_->rule(rule).by);
  const Quota* quota = rules_->FindQuota(rule, subject);
  if (quota == nullptr) return;
  const BucketTable::Index index = keys_.Find(HashSubject(salts_[rule], subject), now);
  // The overflow key has the rule's own quota, without overrides.
  if (index == BucketTable::kNone) {
    quota = &rules_->rule(rule).quota;
    ++overflowed_;
  }
  Evaluation& evaluation = evaluations_[evaluation_count_++];
  evaluation = {.rule = rule,
                .subject = subject,
                .quota = quota,
                .share = replicas_ == 1 ? *quota : MakeReplicaQuota(*quota, replicas_),
                .index = index,
                .wait = 0,
                .leased = false};
  std::int64_t& tat = MutableTat(evaluation);
  tat = std::min(
      tat, now + gcra::BurstTolerance(evaluation.share));  // from before the quota was reduced
  evaluation.wait = gcra::WaitTime(evaluation.share, tat, now);
  if (IsShared(evaluation)) {
    Lease& lease = MutableLease(index);
    lease.RecordArrival(now);
    if (evaluation.wait > 0 && lease.usable(now) > 0) {
      evaluation.wait = 0;
      evaluation.leased = true;
    }
  }
  if (evaluation.wait == 0) return;
  if (rules_->rule(rule).shadow) {
    decision->shadow_denied |= 1U << rule;
    return;
  }
  decision->denied |= 1U << rule;
  if (evaluation.wait > decision->wait) {
    decision->wait = evaluation.wait;
    decision->rule = static_cast<int>(rule);
  }
}

void Limiter::Commit(std::int64_t now) {
  for (std::size_t i = 0; i < evaluation_count_; ++i) {
    if (evaluations_[i].wait == 0) ++counts_[evaluations_[i].rule].allowed;
  }
  CommitEvaluations(now);
}

void Limiter::CommitEvaluations(std::int64_t now) {
  for (std::size_t i = 0; i < evaluation_count_; ++i) {
    const Evaluation& evaluation = evaluations_[i];
    if (evaluation.wait > 0) continue;  // in shadow mode
    if (evaluation.leased) {
      MutableLease(evaluation.index).Use();
      continue;
    }
    std::int64_t& tat = MutableTat(evaluation);
    tat = gcra::NextTat(evaluation.share, tat, now);
    if (tat - now >
        gcra::BurstTolerance(evaluation.share) / kHotKeyFraction * (kHotKeyFraction - 1))
      RecordHotKey(evaluation, now);
    if (IsShared(evaluation)) MutableLease(evaluation.index).RecordShareUse(evaluation.share);
  }
  RequestLeases(now);
  evaluation_count_ = 0;
}

std::int64_t& Limiter::MutableTat(const Evaluation& evaluation) {
  return evaluation.index == BucketTable::kNone ? overflow_tats_[evaluation.rule]
                                                : keys_.tat(evaluation.index);
}

Lease& Limiter::MutableLease(BucketTable::Index index) {
  OwnedLease& owned = leases_[index];
  if (owned.owner != keys_.hash(index)) owned = {.owner = keys_.hash(index), .lease = {}};
  return owned.lease;
}

void Limiter::RequestLeases(std::int64_t now) {
  if (mailbox_ == nullptr) return;
  for (std::size_t i = 0; i < evaluation_count_; ++i) {
    const Evaluation& evaluation = evaluations_[i];
    LeaseRequest* request = IsShared(evaluation) ? mailbox_->requests.FreeSlot() : nullptr;
    if (request == nullptr) continue;
    const std::optional<Lease::Request> next_request =
        MutableLease(evaluation.index)
            .NextRequest(evaluation.share, keys_.tat(evaluation.index), now);
    if (!next_request.has_value()) continue;
    request->index = evaluation.index;
    request->hash = keys_.hash(evaluation.index);
    request->key.assign(rules_->rule(evaluation.rule).name).append(":").append(evaluation.subject);
    request->quota = MakeStoreQuota(*evaluation.quota, replicas_);
    request->lease_time = LeaseTime(*evaluation.quota);
    request->spent = next_request->spent;
    request->requested = next_request->requested;
    mailbox_->requests.Push();
    mailbox_->Notify();
  }
}

void Limiter::ApplyResponses(std::int64_t now) {
  while (const LeaseResponse* response = mailbox_->responses.Front()) {
    // The entry may have been evicted and reused since.
    if (leases_[response->index].owner == response->hash) {
      leases_[response->index].lease.OnResponse(response->granted, response->lease_time, now);
    }
    mailbox_->responses.Pop();
  }
}

}  // namespace evalrun::ratelimit
