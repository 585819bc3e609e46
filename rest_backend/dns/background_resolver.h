// SPDX-License-Identifier: Apache-2.0
//
// File: background_resolver.h
//
// Looks one host name up, again and again, on a thread of its own: getaddrinfo() blocks for as long
// as name servers are silent, and cannot be interrupted. Nothing ever waits for that thread to end.
//
// While lookups fail, the addresses that were last found stay in use, however old they are: a name
// server that fails does not stop what still works.
#ifndef EVALRUN_REST_BACKEND_DNS_BACKGROUND_RESOLVER_H_
#define EVALRUN_REST_BACKEND_DNS_BACKGROUND_RESOLVER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace evalrun::dns {

// The result of one lookup.
struct LookupResult {
  // Numeric, without brackets, in the order in which they are to be tried (RFC 6724), each once.
  // Empty exactly when the lookup failed.
  std::vector<std::string> addresses;
  std::string error;  // why it failed, in the words of gai_strerror(); empty when it did not
};

// What is known of the name.
struct Resolution {
  // Those that were last found; empty: none ever were.
  std::vector<std::string> addresses;
  std::string error;  // why the last lookup failed; empty when it did not
};

// Asks the system for the addresses of `host`: /etc/hosts, name servers and whatever else
// nsswitch.conf says. Blocks. Thread-safe.
[[nodiscard]] LookupResult LookUp(const std::string& host);

// Thread-safe.
class BackgroundResolver {
 public:
  using LookUpFunction = std::function<LookupResult(const std::string& host)>;

  struct Options {
    std::string host;
    // How long addresses are used before they are looked up again; getaddrinfo() does not say how
    // long they are valid. refresh_schedule.h has the bounds.
    std::chrono::milliseconds refresh_interval{30'000};
    LookUpFunction look_up = LookUp;
  };

  // Begins the first lookup. `on_lookup` is called on the resolver's thread after each one, and not
  // any more once the destructor has returned. It must not block, nor call this object. Throws
  // std::system_error when there is no thread left.
  BackgroundResolver(Options options, std::function<void()> on_lookup);
  // Does not wait for a lookup that is under way; its thread ends after it.
  ~BackgroundResolver();
  BackgroundResolver(const BackgroundResolver&) = delete;
  BackgroundResolver& operator=(const BackgroundResolver&) = delete;

  [[nodiscard]] const std::string& host() const { return host_; }

  // nullptr until the first lookup has ended.
  [[nodiscard]] std::shared_ptr<const Resolution> Current() const;

  // As Current(), but waits for the first lookup, for `timeout` at most.
  [[nodiscard]] std::shared_ptr<const Resolution> WaitForFirst(
      std::chrono::milliseconds timeout) const;

  // Asks for a lookup as soon as the minimum interval allows it: the addresses do not work, or
  // there are none. True when one is under way or begins now.
  bool RequestLookup();

 private:
  struct State;  // shared with the thread, which may outlive this object

  static void Run(const std::shared_ptr<State>& state);

  const std::string host_;
  const std::shared_ptr<State> state_;
};

}  // namespace evalrun::dns

#endif  // EVALRUN_REST_BACKEND_DNS_BACKGROUND_RESOLVER_H_
