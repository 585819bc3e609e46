// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/dns/background_resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "rest_backend/dns/refresh_schedule.h"

namespace evalrun::dns {
namespace {

using Clock = std::chrono::steady_clock;

// Empty for an address of a family that cannot be connected to by its text alone.
std::string ToText(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const void* bytes = nullptr;
  if (address.sa_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in&>(address).sin_addr;
  } else if (address.sa_family == AF_INET6) {
    const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (ipv6.sin6_scope_id != 0) return {};
    bytes = &ipv6.sin6_addr;
  } else {
    return {};
  }
  // Cannot fail: the family is known and the buffer is large enough.
  inet_ntop(address.sa_family, bytes, text.data(), text.size());
  return text.data();
}

}  // namespace

LookupResult LookUp(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int code = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (code != 0) {
    const int error = errno;
    return {
        .addresses = {},
        .error = code == EAI_SYSTEM ? std::generic_category().message(error) : gai_strerror(code)};
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, &freeaddrinfo);
  LookupResult result;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    std::string address = ToText(*entry->ai_addr);
    if (!address.empty() &&
        std::ranges::find(result.addresses, address) == result.addresses.end()) {
      result.addresses.push_back(std::move(address));
    }
  }
  if (result.addresses.empty()) result.error = "no address that can be used";
  return result;
}

struct BackgroundResolver::State {
  explicit State(Options resolver_options, std::function<void()> observer)
      : options(std::move(resolver_options)), on_lookup(std::move(observer)) {}

  const Options options;
  std::mutex mutex;
  std::condition_variable changed;
  // All guarded by mutex.
  std::function<void()> on_lookup;
  std::shared_ptr<const Resolution> current;
  std::optional<LastLookup> last;
  bool looking_up = true;
  bool requested = false;
  bool stopped = false;
};

BackgroundResolver::BackgroundResolver(Options options, std::function<void()> on_lookup)
    : host_(options.host),
      state_(std::make_shared<State>(std::move(options), std::move(on_lookup))) {
  std::thread([state = state_] { Run(state); }).detach();
}

BackgroundResolver::~BackgroundResolver() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  state_->on_lookup = nullptr;
  state_->changed.notify_all();
}

void BackgroundResolver::Run(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->stopped) {
    state->looking_up = true;
    lock.unlock();
    LookupResult result = state->options.look_up(state->options.host);
    lock.lock();
    const bool succeeded = !result.addresses.empty();
    if (!succeeded && state->current != nullptr) result.addresses = state->current->addresses;
    state->current = std::make_shared<const Resolution>(
        Resolution{.addresses = std::move(result.addresses), .error = std::move(result.error)});
    state->last = {.ended_at = Clock::now(), .succeeded = succeeded};
    state->looking_up = false;
    state->requested = false;
    state->changed.notify_all();
    if (state->on_lookup) state->on_lookup();
    while (!state->stopped) {
      const Clock::time_point due =
          NextLookup(*state->last, state->options.refresh_interval, state->requested);
      if (Clock::now() >= due) break;
      state->changed.wait_until(lock, due);
    }
  }
}

std::shared_ptr<const Resolution> BackgroundResolver::Current() const {
  const std::lock_guard lock(state_->mutex);
  return state_->current;
}

std::shared_ptr<const Resolution> BackgroundResolver::WaitForFirst(
    std::chrono::milliseconds timeout) const {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, timeout, [this] { return state_->current != nullptr; });
  return state_->current;
}

bool BackgroundResolver::RequestLookup() {
  const std::lock_guard lock(state_->mutex);
  if (state_->looking_up) return true;
  state_->requested = true;
  state_->changed.notify_all();
  return Clock::now() >= NextLookup(*state_->last, state_->options.refresh_interval, true);
}

}  // namespace evalrun::dns
