// SPDX-License-Identifier: Apache-2.0

#include "service/cli/run_deletes.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <grpcpp/completion_queue.h>

#include "aymara/evals/v1/eval_run_service.grpc.pb.h"
#include "service/cli/gateway_call.h"

namespace evalrun::cli {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTick{100};

// 128 random bits in hexadecimal.
std::string MakeRequestId() {
  std::random_device random;
  std::string id;
  for (int i = 0; i < 4; ++i) id += fmt::format("{:08x}", random());
  return id;
}

class DeleteRun {
 public:
  DeleteRun(const std::shared_ptr<grpc::Channel>& channel, const Connection& connection,
            const DeleteRequest& request, const std::vector<std::string>& ids,
            DeleteSchedule* schedule, const DeleteHooks& hooks)
      : channel_(channel),
        stub_(aymara::evals::v1::EvalRunService::NewStub(channel)),
        connection_(connection),
        request_(request),
        ids_(ids),
        schedule_(schedule),
        hooks_(hooks) {}

  StopInfo Run() {
    for (;;) {
      HandleInterrupt();
      hooks_.tick(*schedule_);
      const DeleteSchedule::Step step = schedule_->Next(steady_clock::now());
      if (step.kind == DeleteSchedule::Step::Kind::kEnd) break;
      if (step.kind == DeleteSchedule::Step::Kind::kSend) {
        Send(step.index, step.allow_missing);
      } else {
        Wait(step.until);
      }
    }
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) continue;
    end_.reason = schedule_->stop_reason();
    return end_;
  }

 private:
  struct InFlight {
    std::size_t index;
    DeleteRequest request;
    std::unique_ptr<PendingCall> call;
  };

  DeleteRequest MakeRequest(std::size_t index, bool allow_missing) {
    DeleteRequest request = request_;
    request.eval_run_uuid = ids_[index];
    request.allow_missing = request.allow_missing || allow_missing;
    std::string& request_id = request_ids_[index];
    if (request_id.empty()) {
      request_id = request.request_id.empty() ? MakeRequestId() : request.request_id;
    }
    request.request_id = request_id;
    return request;
  }

  void Send(std::size_t index, bool allow_missing) {
    // The first connection must be available at once; a lost one may come back.
    const ConnectOptions options{connection_.timeout, std::exchange(connected_before_, true),
                                 [this] { return hooks_.interrupt() != Interrupt::kNone; }};
    if (const auto error = Connect(channel_, options); error.has_value()) {
      schedule_->Requeue(index);
      if (hooks_.interrupt() != Interrupt::kNone) return;
      end_.message = *error;
      schedule_->Stop(StopReason::kNoConnection);
    } else if (!hooks_.before_send(index)) {
      schedule_->Requeue(index);
      schedule_->Stop(StopReason::kOutputClosed);
    } else {
      DeleteRequest request = MakeRequest(index, allow_missing);
      auto call = std::make_unique<PendingCall>(stub_.get(), &queue_, connection_, request);
      void* const tag = call.get();
      in_flight_[tag] = {index, std::move(request), std::move(call)};
    }
  }

  void Wait(std::optional<DeleteSchedule::Time> until) {
    std::chrono::nanoseconds wait = kTick;
    if (until.has_value()) {
      wait = std::clamp<std::chrono::nanoseconds>(*until - steady_clock::now(),
                                                  std::chrono::nanoseconds(0), wait);
    }
    void* tag = nullptr;
    bool ok = false;
    const auto deadline = std::chrono::time_point_cast<std::chrono::system_clock::duration>(
        std::chrono::system_clock::now() + wait);
    if (queue_.AsyncNext(&tag, &ok, deadline) != grpc::CompletionQueue::GOT_EVENT) return;
    const auto node = in_flight_.extract(tag);
    const InFlight& call = node.mapped();
    DeleteResult report = call.call->Report(connection_, call.request);
    const DeleteSchedule::State state = schedule_->OnResponse(
        call.index, SummarizeAttempt(report), steady_clock::now(), uniform_(random_));
    // The certainty covers all calls for the id: an earlier one may have deleted it.
    if (state == DeleteSchedule::State::kUnknown) report.deletion = "unknown";
    if (report.deletion == "absent" && schedule_->possibly_deleted(call.index)) {
      report.deletion = "presumed";
    }
    if (state != DeleteSchedule::State::kPending) request_ids_.erase(call.index);
    if (!hooks_.on_response(call.index, report, state != DeleteSchedule::State::kPending)) {
      schedule_->Stop(StopReason::kOutputClosed);
    }
  }

  void HandleInterrupt() {
    const Interrupt interrupt = hooks_.interrupt();
    if (interrupt == Interrupt::kNone || cancelled_) return;
    schedule_->Stop(StopReason::kInterrupted);
    const auto now = steady_clock::now();
    if (!grace_ends_.has_value()) grace_ends_ = now + kInterruptGracePeriod;
    if (interrupt == Interrupt::kDrain && now < *grace_ends_) return;
    for (auto& [tag, in_flight] : in_flight_) in_flight.call->Cancel();
    cancelled_ = true;
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<aymara::evals::v1::EvalRunService::Stub> stub_;
  const Connection& connection_;
  const DeleteRequest& request_;
  const std::vector<std::string>& ids_;
  DeleteSchedule* const schedule_;
  const DeleteHooks& hooks_;
  grpc::CompletionQueue queue_;
  std::unordered_map<void*, InFlight> in_flight_;
  // By index: the same for all calls for an id, until its last one has finished.
  std::unordered_map<std::size_t, std::string> request_ids_;
  bool connected_before_ = false;
  std::optional<steady_clock::time_point> grace_ends_;
  bool cancelled_ = false;
  StopInfo end_;
  std::minstd_rand random_{std::random_device{}()};
  std::uniform_real_distribution<double> uniform_{0.0, 1.0};
};

}  // namespace

StopInfo RunDeletes(const std::shared_ptr<grpc::Channel>& channel, const Connection& connection,
                    const DeleteRequest& request, const std::vector<std::string>& ids,
                    DeleteSchedule* schedule, const DeleteHooks& hooks) {
  return DeleteRun(channel, connection, request, ids, schedule, hooks).Run();
}

}  // namespace evalrun::cli
