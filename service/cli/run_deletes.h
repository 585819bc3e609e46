// SPDX-License-Identifier: Apache-2.0
//
// File: run_deletes.h
//
// Executes a DeleteSchedule over one channel: one thread, one completion queue, and memory only for
// the calls that are in flight.
#ifndef EVALRUN_SERVICE_CLI_RUN_DELETES_H_
#define EVALRUN_SERVICE_CLI_RUN_DELETES_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <grpcpp/channel.h>

#include "service/cli/delete_result.h"
#include "service/cli/delete_schedule.h"

namespace evalrun::cli {

// What the user has asked for with Ctrl-C.
enum class Interrupt {
  kNone,
  kDrain,   // no new calls; those in flight get kInterruptGracePeriod
  kCancel,  // calls in flight are cancelled
};

struct DeleteHooks {
  // Called before an id is sent. Returns false if that could not be recorded: then neither this id
  // nor any other is sent.
  std::function<bool(std::size_t index)> before_send;
  // Called with each response, before any retry. `final`: this is the last call for the id. Returns
  // false if the result could not be written: then nothing else is sent.
  std::function<bool(std::size_t index, const DeleteResult& report, bool final)> on_response;
  // Called at least ten times a second.
  std::function<void(const DeleteSchedule& schedule)> tick;
  std::function<Interrupt()> interrupt;
};

// Why RunDeletes() stopped.
struct StopInfo {
  StopReason reason = StopReason::kNone;
  std::string message;  // for kNoConnection: the error
};

// How long calls in flight may continue after Interrupt::kDrain.
inline constexpr std::chrono::milliseconds kInterruptGracePeriod{5000};

// Sends `ids` as `schedule`, which was created for as many ids, decides. `request` holds the
// options for all of them; its id is ignored. When it returns, no call is in flight and `schedule`
// has the state of each id. For ids that are still kPending, `on_response` was not called with
// `final`.
[[nodiscard]] StopInfo RunDeletes(const std::shared_ptr<grpc::Channel>& channel,
                                  const Connection& connection, const DeleteRequest& request,
                                  const std::vector<std::string>& ids, DeleteSchedule* schedule,
                                  const DeleteHooks& hooks);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_RUN_DELETES_H_
