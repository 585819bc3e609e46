// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/shard.h"

#include <algorithm>
#include <new>

namespace evalrun::http {
Shard::Shard(SocketPoll* poll, std::size_t max_connections)
    : poll_(poll), multi_(curl_multi_init()) {
  if (multi_ == nullptr) throw std::bad_alloc();
  // None of these can fail: the handle is good, and every libcurl that has CURLOPT_PREREQFUNCTION
  // (7.80) has these options.
  curl_multi_setopt(
      multi_.get(), CURLMOPT_SOCKETFUNCTION,
      +[](CURL*, curl_socket_t fd, int what, void* self, void*) {
        auto* shard = static_cast<Shard*>(self);
        shard->poll_->SetInterest(shard, fd, what);
        return 0;
      });
  curl_multi_setopt(multi_.get(), CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(
      multi_.get(), CURLMOPT_TIMERFUNCTION, +[](CURLM*, long timeout_ms, void* self) {
        auto* shard = static_cast<Shard*>(self);
        shard->timer_.reset();
        if (timeout_ms >= 0) {
          shard->timer_ = Clock::now() + std::chrono::milliseconds(timeout_ms);
        }
        return 0;
      });
  curl_multi_setopt(multi_.get(), CURLMOPT_TIMERDATA, this);
  // The default, four times the handles in use, tears the pool down whenever traffic dips.
  curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS,
                    static_cast<long>(std::min(kCapacity, max_connections)));
  curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
}

bool Shard::Add(CURL* easy) {
  if (curl_multi_add_handle(multi_.get(), easy) != CURLM_OK) return false;
  ++active_;
  idle_since_.reset();
  return true;
}

void Shard::Remove(CURL* easy) {
  // Fails only for a bad handle and from within a callback of libcurl; neither is the case.
  curl_multi_remove_handle(multi_.get(), easy);
  if (--active_ == 0) idle_since_ = Clock::now();
}

// The result of curl_multi_socket_action() is not needed in either function. An error of one
// transfer is reported by curl_multi_info_read(). After an error of the whole multi handle, such as
// no memory, a transfer that got stuck ends when its CURLOPT_TIMEOUT_MS has passed.
void Shard::OnSocket(int fd, int curl_events) {
  int running = 0;
  curl_multi_socket_action(multi_.get(), fd, curl_events, &running);
}

bool Shard::OnTimer(Clock::time_point now) {
  if (!timer_.has_value() || now < *timer_) return false;
  timer_.reset();
  int running = 0;
  curl_multi_socket_action(multi_.get(), CURL_SOCKET_TIMEOUT, 0, &running);
  return true;
}

void Shard::OnIdleConnectionEnded() {
#if LIBCURL_VERSION_NUM >= 0x081600
  // Older ones verify that a connection is alive each time before they use it; since 8.22 at most
  // once a second. libcurl cannot be told to forget only one of them.
  curl_multi_setopt(multi_.get(), CURLMOPT_NETWORK_CHANGED, long{CURLMNWC_CLEAR_CONNS});
#endif
}

std::optional<Shard::FinishedTransfer> Shard::NextFinishedTransfer() {
  int queued = 0;
  const CURLMsg* message = curl_multi_info_read(multi_.get(), &queued);
  if (message == nullptr) return std::nullopt;
  return FinishedTransfer{message->easy_handle, message->data.result};
}

}  // namespace evalrun::http
