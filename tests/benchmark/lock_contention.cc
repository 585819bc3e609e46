// SPDX-License-Identifier: Apache-2.0
//
// Counts how often a thread finds a mutex locked. Loaded into a program with LD_PRELOAD, it
// replaces pthread_mutex_lock(), which std::mutex calls, and writes its result to the file named by
// LOCK_CONTENTION_OUT when the program exits:
//
//   {"locks": N, "contended": {"FILE+OFFSET": N, ...}}
//
// FILE+OFFSET is the location of the call. gRPC's own locks are Abseil's and are not counted,
// because they do not use pthread_mutex_lock().
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <dlfcn.h>

namespace {

struct CallSite {
  std::atomic<void*> address{nullptr};
  std::atomic<std::uint64_t> times{0};
};

std::atomic<std::uint64_t> locks{0};
std::array<CallSite, 256> call_sites;

using Lock = int (*)(pthread_mutex_t*);

Lock FindRealLock() {
  static Lock lock = nullptr;  // no guard, which would lock; setting it twice is harmless
  if (lock == nullptr) lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  return lock;
}

void CountContended(void* caller) {
  for (CallSite& call_site : call_sites) {
    void* expected = nullptr;
    if (call_site.address.compare_exchange_strong(expected, caller) || expected == caller) {
      ++call_site.times;
      return;
    }
  }
}

__attribute__((destructor)) void Report() {
  const char* path = std::getenv("LOCK_CONTENTION_OUT");
  std::FILE* out = path == nullptr ? nullptr : std::fopen(path, "w");
  if (out == nullptr) return;
  std::fprintf(out, "{\"locks\": %llu, \"contended\": {",
               static_cast<unsigned long long>(locks.load()));
  const char* separator = "";
  for (const CallSite& call_site : call_sites) {
    if (call_site.address == nullptr) break;
    Dl_info info = {};
    dladdr(call_site.address, &info);
    const auto offset = reinterpret_cast<std::uintptr_t>(call_site.address.load()) -
                        reinterpret_cast<std::uintptr_t>(info.dli_fbase);
    std::fprintf(out, "%s\"%s+0x%llx\": %llu", separator, info.dli_fname,
                 static_cast<unsigned long long>(offset),
                 static_cast<unsigned long long>(call_site.times.load()));
    separator = ", ";
  }
  std::fprintf(out, "}}\n");
  std::fclose(out);
}

}  // namespace

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) {
  locks.fetch_add(1, std::memory_order_relaxed);
  if (pthread_mutex_trylock(mutex) == 0) return 0;
  CountContended(__builtin_return_address(0));
  return FindRealLock()(mutex);
}
