// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/server/faults/fault_injector.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "rest_backend/deletion/resource_id.h"
#include "rest_backend/server/connection.h"

namespace evalrun::backend {
namespace {

// Bytes as a TLS server behind a plain port or a broken proxy might send them.
constexpr char kGarbage[] = "\x15\x03\x01\x02\x02\x16garbage\r\n\r\n\xFF\xFE";

RequestAttributes ToRequestAttributes(const httplib::Request& request) {
  RequestAttributes facts{.method = request.method, .path = request.path, .eval_run_uuid = {}};
  // The only group of a route's pattern is the run.
  if (request.matches.size() > 1)
    facts.eval_run_uuid = deletion::CanonicalId(request.matches[1].str());
  return facts;
}

}  // namespace

FaultInjector::Latch::Latch() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  // In a handler it becomes a response with status 500.
  if (event_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
}
FaultInjector::Latch::~Latch() { close(event_); }  // nothing to report
// Fails only when the counter would overflow: it is written once.
void FaultInjector::Latch::Open() const { eventfd_write(event_, 1); }

FaultInjector::FaultInjector(FaultPlan plan, Restart restart)
    : restart_(std::move(restart)), plan_(std::move(plan)), latch_(std::make_shared<Latch>()) {}

void FaultInjector::Replace(FaultPlan plan) {
  const std::lock_guard lock(mutex_);
  plan_ = std::move(plan);
}

bool FaultInjector::IsMissing(std::string_view uuid) const {
  const std::lock_guard lock(mutex_);
  return plan_.IsMissing(uuid);
}

nlohmann::ordered_json FaultInjector::StatusJson() const {
  const std::lock_guard lock(mutex_);
  nlohmann::ordered_json report = plan_.StatusJson();
  report["held"] = latch_->waiting.load();
  return report;
}

int FaultInjector::Release() {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<Latch> latch = std::exchange(latch_, std::make_shared<Latch>());
  const int held = latch->waiting;  // read before opening: then they leave
  latch->Open();
  return held;
}

bool FaultInjector::Hold(const Connection& connection) {
  std::shared_ptr<Latch> latch;
  {
    const std::lock_guard lock(mutex_);
    latch = latch_;
    ++latch->waiting;
  }
  const bool released = connection.WaitForEvent(latch->event());
  --latch->waiting;
  return released;
}

void FaultInjector::OnFirstByte() {
  std::optional<Fault> fault;
  {
    const std::lock_guard lock(mutex_);
    fault = plan_.DecideBeforeReading();
  }
  if (fault) Connection::Current()->DropAfterResponse(fault->reset);
}

void FaultInjector::OnRequest(const httplib::Request& request, httplib::Response& response,
                              const Handler& handler) {
  std::optional<Fault> fault;
  {
    const std::lock_guard lock(mutex_);
    fault = plan_.Decide(ToRequestAttributes(request));
  }
  if (!fault) return handler(request, response);

  Connection& connection = *Connection::Current();
  if (fault->commit) handler(request, response);
  switch (fault->kind) {
    case FaultKind::kRespond:
      connection.ReplaceResponse(SerializeResponse(fault->response));
      if (HasConnectionClose(fault->response)) connection.DropAfterResponse(/*reset=*/false);
      return;
    case FaultKind::kDelay:
      connection.Sleep(fault->delay);
      if (!fault->commit) handler(request, response);
      return;
    case FaultKind::kDropBeforeReading:
    case FaultKind::kDropAfterReading:
    case FaultKind::kDropAfterCommit:
      connection.ReplaceResponse("");
      connection.DropAfterResponse(fault->reset);
      return;
    case FaultKind::kDropMidResponse:
      connection.TruncateResponse(fault->bytes);
      connection.DropAfterResponse(fault->reset);
      return;
    case FaultKind::kGarbage:
      connection.ReplaceResponse(kGarbage);
      connection.DropAfterResponse(/*reset=*/false);
      return;
    case FaultKind::kHold:
      if (!Hold(connection)) {
        connection.ReplaceResponse("");
        connection.DropAfterResponse(/*reset=*/false);
      } else if (!fault->commit) {
        handler(request, response);
      }
      return;
    case FaultKind::kRestart: {
      // Locked until the process ends, so that nothing is counted after its state was saved.
      const std::lock_guard lock(mutex_);
      restart_(plan_.State());
      connection.ReplaceResponse("");
      connection.DropAfterResponse(/*reset=*/false);
      return;
    }
  }
}

}  // namespace evalrun::backend
