#include "rest_backend/server/faults/fault_injector.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/connection.h"

namespace evalrun::backend {
namespace {

// What a TLS server behind a plain port, or a proxy gone mad, might say.
constexpr char kGarbage[] = "\x15\x03\x01\x02\x02\x16garbage\r\n\r\n\xFF\xFE";

RequestFacts FactsOf(const httplib::Request& request) {
  RequestFacts facts{.method = request.method, .path = request.path, .eval_run_uuid = {}};
  // A route's one group is its run.
  if (request.matches.size() > 1)
    facts.eval_run_uuid = deletion::CanonicalId(request.matches[1].str());
  return facts;
}

}  // namespace

FaultInjector::Gate::Gate() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
FaultInjector::Gate::~Gate() { close(event_); }
void FaultInjector::Gate::Open() const { eventfd_write(event_, 1); }

FaultInjector::FaultInjector(FaultPlan plan, Restart restart)
    : restart_(std::move(restart)), plan_(std::move(plan)), gate_(std::make_shared<Gate>()) {}

void FaultInjector::Replace(FaultPlan plan) {
  const std::lock_guard lock(mutex_);
  plan_ = std::move(plan);
}

nlohmann::ordered_json FaultInjector::Report() const {
  const std::lock_guard lock(mutex_);
  nlohmann::ordered_json report = plan_.Report();
  report["held"] = gate_->waiting.load();
  return report;
}

int FaultInjector::Release() {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<Gate> gate = std::exchange(gate_, std::make_shared<Gate>());
  const int held = gate->waiting;  // once it is open, they leave
  gate->Open();
  return held;
}

bool FaultInjector::Hold(const Connection& connection) {
  std::shared_ptr<Gate> gate;
  {
    const std::lock_guard lock(mutex_);
    gate = gate_;
    ++gate->waiting;
  }
  const bool released = connection.AwaitEvent(gate->event());
  --gate->waiting;
  return released;
}

void FaultInjector::OnArrival() {
  std::optional<Fault> fault;
  {
    const std::lock_guard lock(mutex_);
    fault = plan_.DecideUnread();
  }
  if (fault) Connection::Current()->EndAfterAnswer(fault->reset);
}

void FaultInjector::OnRequest(const httplib::Request& request, httplib::Response& response,
                              const Handler& handler) {
  std::optional<Fault> fault;
  {
    const std::lock_guard lock(mutex_);
    fault = plan_.Decide(FactsOf(request));
  }
  if (!fault) return handler(request, response);

  Connection& connection = *Connection::Current();
  if (fault->commit) handler(request, response);
  switch (fault->kind) {
    case FaultKind::kRespond:
      connection.SendInstead(AnswerBytes(fault->answer));
      if (SaysClose(fault->answer)) connection.EndAfterAnswer(/*reset=*/false);
      return;
    case FaultKind::kDelay:
      connection.Rest(fault->delay);
      if (!fault->commit) handler(request, response);
      return;
    case FaultKind::kDropBeforeReading:
    case FaultKind::kDropAfterReading:
    case FaultKind::kDropAfterCommit:
      connection.SendInstead("");
      connection.EndAfterAnswer(fault->reset);
      return;
    case FaultKind::kDropMidResponse:
      connection.SendOnly(fault->bytes);
      connection.EndAfterAnswer(fault->reset);
      return;
    case FaultKind::kGarbage:
      connection.SendInstead(kGarbage);
      connection.EndAfterAnswer(/*reset=*/false);
      return;
    case FaultKind::kHold:
      if (!Hold(connection)) {
        connection.SendInstead("");
        connection.EndAfterAnswer(/*reset=*/false);
      } else if (!fault->commit) {
        handler(request, response);
      }
      return;
    case FaultKind::kRestart: {
      // Held until the process is no more: nothing is counted that the next one would not know.
      const std::lock_guard lock(mutex_);
      restart_(plan_.State());
      connection.SendInstead("");
      connection.EndAfterAnswer(/*reset=*/false);
      return;
    }
  }
}

}  // namespace evalrun::backend
