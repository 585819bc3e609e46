// SPDX-License-Identifier: Apache-2.0
//
// bare_curl: a baseline with libcurl alone. A client keeps DELETE requests in flight to an upstream
// that responds immediately, and prints the cost of each to its process, as JSON.
#include <sys/resource.h>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <curl/curl.h>
#include <nlohmann/json.hpp>

#include "tests/benchmark/bind_to_core.h"
#include "tests/benchmark/timed_upstream.h"
#include "tests/support/scripts.h"

namespace {

using Clock = std::chrono::steady_clock;

size_t Discard(char* /*data*/, size_t size, size_t count, void* /*user*/) { return size * count; }

CURL* MakeHandle(const std::string& url, curl_slist* headers) {
  CURL* handle = curl_easy_init();
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "DELETE");
  curl_easy_setopt(handle, CURLOPT_REQUEST_TARGET,
                   "/v2/eval-runs/954d54bc-bd5f-4cb5-8d20-688f368b712e");
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, Discard);
  return handle;
}

// CPU time of the calling thread: the upstream runs on another one.
std::chrono::duration<double, std::micro> CpuTime() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

// Makes requests for `duration` and returns their number.
std::size_t Run(CURLM* multi, std::chrono::duration<double> duration) {
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(duration);
  std::size_t requests = 0;
  while (Clock::now() < end) {
    int running = 0;
    curl_multi_perform(multi, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      ++requests;
      CURL* handle = message->easy_handle;
      curl_multi_remove_handle(multi, handle);
      curl_multi_add_handle(multi, handle);
    }
    curl_multi_poll(multi, nullptr, 0, 100, nullptr);
  }
  return requests;
}

}  // namespace

int main(int argc, char** argv) {
  int in_flight = 25;
  double seconds = 3;
  CLI::App app("Prints what one DELETE by libcurl costs, as JSON.");
  app.add_option("--in-flight", in_flight);
  app.add_option("--seconds", seconds);
  CLI11_PARSE(app, argc, argv);

  curl_global_init(CURL_GLOBAL_DEFAULT);
  evalrun::testing::BindToCore(1);  // for the upstream's thread, which starts here
  evalrun::testing::TimedUpstream upstream([](std::uint64_t) {
    return evalrun::testing::TimedReply{.bytes = evalrun::testing::HttpReply(204)};
  });
  evalrun::testing::BindToCore(0);
  CURLM* multi = curl_multi_init();
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 2048L);
  curl_slist* headers = curl_slist_append(nullptr, "x-api-key: key");
  for (const char* line : {"Accept:", "x-request-id: 0123456789abcdef0123456789abcdef"}) {
    headers = curl_slist_append(headers, line);
  }
  std::vector<CURL*> handles;
  for (int i = 0; i < in_flight; ++i) {
    handles.push_back(MakeHandle(upstream.url(), headers));
    curl_multi_add_handle(multi, handles.back());
  }
  Run(multi, std::chrono::duration<double>(0.5));
  const auto cpu_before = CpuTime();
  const std::size_t requests = Run(multi, std::chrono::duration<double>(seconds));
  const auto cpu = CpuTime() - cpu_before;
  std::cout << nlohmann::json{{"calls", requests},
                              {"calls_per_second", static_cast<double>(requests) / seconds},
                              {"cpu_us_per_call", cpu.count() / static_cast<double>(requests)}}
                   .dump()
            << std::endl;
  for (CURL* handle : handles) {
    curl_multi_remove_handle(multi, handle);
    curl_easy_cleanup(handle);
  }
  curl_multi_cleanup(multi);
  curl_slist_free_all(headers);
  curl_global_cleanup();
  return 0;
}
