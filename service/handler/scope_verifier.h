// SPDX-License-Identifier: Apache-2.0
//
// File: scope_verifier.h
//
// Finds out whether the scope of a 404 exists (rest_backend/deletion/scope_status.h): from what
// earlier responses said, or by a probe that all calls of the same scope share.
#ifndef EVALRUN_SERVICE_HANDLER_SCOPE_VERIFIER_H_
#define EVALRUN_SERVICE_HANDLER_SCOPE_VERIFIER_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "rest_backend/deletion/attempt_result.h"
#include "rest_backend/deletion/scope_proof.h"
#include "rest_backend/deletion/scope_status.h"
#include "service/authz/key_ring.h"
#include "service/handler/attempt_sender.h"
#include "service/handler/delete_handler.h"

namespace evalrun::handler {

class ScopeProbe;

// A call that may wait for a probe.
class ScopeWaiter {
 public:
  // The probe has finished.
  virtual void OnScopeChecked(deletion::ScopeStatus status) = 0;

 protected:
  virtual ~ScopeWaiter() = default;

 private:
  friend class ScopeProbe;
  ScopeProbe* probe_ = nullptr;  // that it waits for
  std::size_t index_ = 0;        // among those who wait for it
};

// At most one probe per scope is under way. It may take `upstream_timeout`, and is cancelled when
// the last call that waits for it leaves. Not thread-safe: belongs to the thread of the calls.
class ScopeVerifier {
 public:
  struct Scope {
    const authz::KeyRing::Key& api_key;
    std::optional<std::string_view> workspace;  // as sent
  };

  // Both outlive it.
  ScopeVerifier(DeleteHandler* handler, AttemptSenderFactory* senders);
  ~ScopeVerifier();  // cancels the probes that are under way
  ScopeVerifier(const ScopeVerifier&) = delete;
  ScopeVerifier& operator=(const ScopeVerifier&) = delete;

  // A 404 needs proof of its scope. Returns the status when it is known, or when it cannot be found
  // out now: the rate limits of the API key forbid a probe, or its calls are held back after a 429.
  // Otherwise `waiter` waits: its OnScopeChecked() is called once, but not before this returns, and
  // not after Leave().
  [[nodiscard]] std::optional<deletion::ScopeStatus> Check(const Scope& scope, ScopeWaiter* waiter);

  // `waiter`, which waits, does so no longer.
  void Leave(ScopeWaiter* waiter);

  // A DELETE in this scope was answered with success.
  void OnDeleted(const Scope& scope);

  // A DELETE in this scope was answered with a code that names the workspace or the organization as
  // missing. Reported like a probe that found the same, which is then not made.
  void OnMissing(const Scope& scope);

 private:
  friend class ScopeProbe;

  [[nodiscard]] bool MayProbe(const std::string& key_name);
  void BeginProbe(const Scope& scope, ScopeWaiter* waiter);
  void OnProbeDone(ScopeProbe* probe, const deletion::AttemptResult& result);

  DeleteHandler& handler_;
  AttemptSenderFactory& senders_;
  deletion::ScopeTable table_;
  std::unordered_map<std::string, std::unique_ptr<ScopeProbe>> probes_;  // under way, by scope
};

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_SCOPE_VERIFIER_H_
