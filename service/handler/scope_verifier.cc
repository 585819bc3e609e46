// SPDX-License-Identifier: Apache-2.0

#include "service/handler/scope_verifier.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include "rest_backend/deletion/request_target.h"
#include "rest_backend/deletion/retry_after.h"
#include "service/handler/timeouts.h"

namespace evalrun::handler {
namespace {

using deletion::ScopeStatus;
using deletion::ScopeTable;

ScopeTable::Scope ToTableScope(const ScopeVerifier::Scope& scope) {
  return {.api_key = scope.api_key->id(), .workspace = scope.workspace.value_or("")};
}

std::string MakeProbeId(const ScopeVerifier::Scope& scope) {
  return scope.api_key->id() + " " + std::string(scope.workspace.value_or(""));
}

}  // namespace

// A probe that is under way, with those who wait for it.
class ScopeProbe final : private AttemptObserver {
 public:
  ScopeProbe(ScopeVerifier* verifier, const ScopeVerifier::Scope& scope,
             std::unique_ptr<AttemptSender> sender)
      : verifier_(*verifier),
        id_(MakeProbeId(scope)),
        api_key_(scope.api_key),
        workspace_(scope.workspace),
        headers_{api_key_->header_line()},
        sender_(std::move(sender)) {}
  ScopeProbe(const ScopeProbe&) = delete;
  ScopeProbe& operator=(const ScopeProbe&) = delete;

  void Start(std::string_view base_path, std::chrono::milliseconds timeout) {
    deletion::BuildProbeTarget(base_path, workspace_, &target_);
    sender_->Start({.method = AttemptRequest::Method::kGet,
                    .target = target_.c_str(),
                    .headers = headers_,
                    .timeout = timeout},
                   this);
  }
  void Cancel() { sender_->Cancel(); }

  void Add(ScopeWaiter* waiter) {
    waiter->probe_ = this;
    waiter->index_ = waiters_.size();
    waiters_.push_back(waiter);
  }
  void Remove(ScopeWaiter* waiter) {
    waiter->probe_ = nullptr;
    waiters_[waiter->index_] = waiters_.back();
    waiters_[waiter->index_]->index_ = waiter->index_;
    waiters_.pop_back();
  }
  // Calls all who wait. Each may let others leave.
  void NotifyAll(ScopeStatus status) {
    while (has_waiters()) {
      ScopeWaiter* waiter = waiters_.back();
      Remove(waiter);
      waiter->OnScopeChecked(status);
    }
  }
  static ScopeProbe* Of(const ScopeWaiter& waiter) { return waiter.probe_; }

  [[nodiscard]] bool has_waiters() const { return !waiters_.empty(); }
  [[nodiscard]] const std::string& id() const { return id_; }
  [[nodiscard]] ScopeVerifier::Scope scope() const {
    return {.api_key = api_key_, .workspace = workspace_};
  }

 private:
  void OnAttemptDone(const deletion::AttemptResult& result) override {
    verifier_.OnProbeDone(this, result);
  }

  ScopeVerifier& verifier_;
  const std::string id_;
  const authz::KeyRing::Key api_key_;
  const std::optional<std::string> workspace_;
  std::string target_;
  const std::array<const char*, 1> headers_;
  const std::unique_ptr<AttemptSender> sender_;
  std::vector<ScopeWaiter*> waiters_;
};

ScopeVerifier::ScopeVerifier(DeleteHandler* handler, AttemptSenderFactory* senders)
    : handler_(*handler), senders_(*senders), table_(handler->options().scopes) {}

ScopeVerifier::~ScopeVerifier() {
  for (const auto& [id, probe] : probes_) probe->Cancel();
}

std::optional<ScopeStatus> ScopeVerifier::Check(const Scope& scope, ScopeWaiter* waiter) {
  const ScopeTable::Decision decision =
      table_.Check(ToTableScope(scope), handler_.clock().SteadyNow());
  switch (decision.action) {
    case ScopeTable::Action::kUseStatus:
      return decision.status;
    case ScopeTable::Action::kAwaitProbe:
      probes_.at(MakeProbeId(scope))->Add(waiter);
      return std::nullopt;
    case ScopeTable::Action::kBeginProbe:
      break;
  }
  if (!MayProbe(scope.api_key->name())) {
    table_.OnProbeCancelled(ToTableScope(scope));
    return ScopeStatus::kUnverifiable;
  }
  BeginProbe(scope, waiter);
  return std::nullopt;
}

bool ScopeVerifier::MayProbe(const std::string& key_name) {
  const auto now = handler_.clock().SteadyNow();
  if (handler_.admission().retry_after_gate(key_name).Remaining(now).count() > 0) return false;
  return handler_.limiter().TryAcquireAttempt(
             key_name, std::chrono::nanoseconds(now.time_since_epoch()).count()) == 0;
}

void ScopeVerifier::BeginProbe(const Scope& scope, ScopeWaiter* waiter) {
  auto probe = std::make_unique<ScopeProbe>(this, scope, senders_.Make());
  probe->Add(waiter);
  const DeleteOptions& options = handler_.options();
  probe->Start(options.base_path,
               std::chrono::floor<std::chrono::milliseconds>(options.upstream_timeout));
  std::string id = probe->id();
  probes_.emplace(std::move(id), std::move(probe));
}

void ScopeVerifier::OnProbeDone(ScopeProbe* probe, const deletion::AttemptResult& result) {
  const auto now = handler_.clock().SteadyNow();
  const authz::UpstreamKey& api_key = *probe->scope().api_key;
  if (result.fault == deletion::Fault::kNone && result.http_status == 429) {
    const auto retry_after = deletion::ParseRetryAfter(result.retry_after, result.retry_after_ms,
                                                       result.date, handler_.clock().SystemNow());
    if (retry_after.has_value()) handler_.OnRateLimited(api_key, *retry_after);
  }
  const deletion::ProbeClassification classification = deletion::ClassifyProbe(result);
  handler_.observer().OnScopeProbed(api_key, classification);
  const ScopeStatus status =
      table_.OnProbeFinished(ToTableScope(probe->scope()), classification.status, now);
  // Those who are called may check the scope again.
  const auto finished = probes_.extract(probe->id());
  finished.mapped()->NotifyAll(status);
}

void ScopeVerifier::Leave(ScopeWaiter* waiter) {
  ScopeProbe* probe = ScopeProbe::Of(*waiter);
  probe->Remove(waiter);
  const auto found = probes_.find(probe->id());
  const bool is_under_way = found != probes_.end() && found->second.get() == probe;
  if (!is_under_way || probe->has_waiters()) return;
  probe->Cancel();
  table_.OnProbeCancelled(ToTableScope(probe->scope()));
  handler_.observer().OnScopeProbed(*probe->scope().api_key, {});
  probes_.erase(found);
}

void ScopeVerifier::OnDeleted(const Scope& scope) {
  table_.OnDeleted(ToTableScope(scope), handler_.clock().SteadyNow());
}

void ScopeVerifier::OnMissing(const Scope& scope) {
  table_.OnMissing(ToTableScope(scope), handler_.clock().SteadyNow());
  handler_.observer().OnScopeProbed(*scope.api_key, {.status = ScopeStatus::kMissing});
}

}  // namespace evalrun::handler
