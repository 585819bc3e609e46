// SPDX-License-Identifier: Apache-2.0
//
// File: fault_injector.h
//
// Applies the faults of the fault plan to requests and connections.
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
  // Replaces this process by a new one that continues with the plan's state. Returns only if the
  // process is stopping already.
  using Restart = std::function<void(const std::string& state)>;

  FaultInjector(FaultPlan plan, Restart restart);

  // Requests to which a fault is being applied are not affected.
  void Replace(FaultPlan plan);
  // FaultPlan::IsMissing() of the current plan.
  [[nodiscard]] bool IsMissing(std::string_view uuid) const;
  // FaultPlan::StatusJson() plus `held`, the number of requests held now.
  [[nodiscard]] nlohmann::ordered_json StatusJson() const;
  // Releases all requests that are held now, and returns their number.
  int Release();

  // RequestInterceptor
  void OnFirstByte() override;
  void OnRequest(const httplib::Request& request, httplib::Response& response,
                 const Handler& handler) override;

 private:
  // Holds requests until it is opened. It is never closed again.
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

  // Returns false if the peer closed the connection before the request was released.
  [[nodiscard]] bool Hold(const Connection& connection);

  const Restart restart_;
  mutable std::mutex mutex_;
  FaultPlan plan_;                // guarded by mutex_
  std::shared_ptr<Latch> latch_;  // guarded by mutex_
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_FAULTS_FAULT_INJECTOR_H_
