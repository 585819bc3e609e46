// File: run_deletes.h
//
// Carries out a DeleteSchedule over one connection: one thread, a completion queue, and at most as
// many calls in memory as are in flight.
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

// How often who is at the keyboard was heard.
enum class Interrupt {
  kNone,
  kDrain,   // no new calls; those in flight get a moment
  kCancel,  // those in flight are cancelled
};

struct DeleteHooks {
  // The id is about to be sent; false: it cannot be recorded, so it is not sent, and nor is any
  // other.
  std::function<bool(std::size_t index)> before_send;
  // The answer to a call, before another one is sent. `final`: there will be no other about this
  // id. False: nobody hears it, so nothing else is sent.
  std::function<bool(std::size_t index, const DeleteResult& report, bool final)> on_response;
  // At least ten times a second.
  std::function<void(const DeleteSchedule& schedule)> tick;
  std::function<Interrupt()> interrupt;
};

// What ended it.
struct StopInfo {
  StopReason reason = StopReason::kNone;
  std::string message;  // of kNoConnection: why not
};

// The moment that those in flight get after Interrupt::kDrain.
inline constexpr std::chrono::milliseconds kInterruptGracePeriod{5000};

// Sends `ids` as `schedule`, made for as many, says. `request` is what is asked for each of them,
// but for the id. Afterwards no call is in flight, and `schedule` says how each id stands; about
// those that are kPending `on_response` was not called with `final`.
[[nodiscard]] StopInfo RunDeletes(const std::shared_ptr<grpc::Channel>& channel,
                                  const Connection& connection, const DeleteRequest& request,
                                  const std::vector<std::string>& ids, DeleteSchedule* schedule,
                                  const DeleteHooks& hooks);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_RUN_DELETES_H_
