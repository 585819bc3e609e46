// File: fault_injector.h
//
// Applies the decisions of the fault plan to connections.
#ifndef EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_INJECTOR_H_
#define EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_INJECTOR_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rest_backend/server/faults/fault_plan.h"
#include "rest_backend/server/http_server.h"

namespace evalrun::backend {

// Thread-safe.
class FaultInjector final : public RequestInterceptor {
 public:
  // Ends this process and begins another, which is given the plan's state. Returns only where the
  // process is stopping already.
  using Restart = std::function<void(const std::string& state)>;

  FaultInjector(FaultPlan plan, Restart restart);

  // Requests that a fault has in hand already are left to it.
  void Replace(FaultPlan plan);
  // FaultPlan::IsMissing(), of the plan as it is now.
  [[nodiscard]] bool IsMissing(std::string_view uuid) const;
  // FaultPlan::StatusJson(), and how many requests are `held` now.
  [[nodiscard]] nlohmann::ordered_json StatusJson() const;
  // Lets every request go on that is held now. Gives their number.
  int Release();

  // RequestInterceptor
  void OnFirstByte() override;
  void OnRequest(const httplib::Request& request, httplib::Response& response,
                 const Handler& handler) override;

 private:
  // Where held requests wait until it is opened, once and for all.
  class Latch {
   public:
    Latch();
    ~Latch();
    Latch(const Latch&) = delete;
    Latch& operator=(const Latch&) = delete;

    void Open() const;
    [[nodiscard]] int event() const { return event_; }  // readable once it is open

    std::atomic<int> waiting = 0;

   private:
    const int event_;
  };

  // False: the peer left before the request was released.
  [[nodiscard]] bool Hold(const Connection& connection);

  const Restart restart_;
  mutable std::mutex mutex_;
  FaultPlan plan_;                // guarded by mutex_
  std::shared_ptr<Latch> latch_;  // guarded by mutex_
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_INJECTOR_H_
