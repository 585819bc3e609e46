// Counts how often a thread finds a mutex taken. Loaded into a program with LD_PRELOAD, it stands
// before pthread_mutex_lock(), which std::mutex calls, and writes to the file that
// LOCK_CONTENTION_OUT names when the program exits:
//
//   {"locks": N, "contended": {"FILE+OFFSET": N, ...}}
//
// FILE+OFFSET is where the lock was asked for. gRPC's own locks are Abseil's, which do not come by
// here.
#include <pthread.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <dlfcn.h>

namespace {

struct Place {
  std::atomic<void*> address{nullptr};
  std::atomic<std::uint64_t> times{0};
};

std::atomic<std::uint64_t> locks{0};
std::array<Place, 256> places;

using Lock = int (*)(pthread_mutex_t*);

Lock RealLock() {
  static Lock lock = nullptr;  // without a guard, which would lock: setting it twice does no harm
  if (lock == nullptr) lock = reinterpret_cast<Lock>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  return lock;
}

void CountContended(void* caller) {
  for (Place& place : places) {
    void* expected = nullptr;
    if (place.address.compare_exchange_strong(expected, caller) || expected == caller) {
      ++place.times;
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
  for (const Place& place : places) {
    if (place.address == nullptr) break;
    Dl_info info = {};
    dladdr(place.address, &info);
    const auto offset = reinterpret_cast<std::uintptr_t>(place.address.load()) -
                        reinterpret_cast<std::uintptr_t>(info.dli_fbase);
    std::fprintf(out, "%s\"%s+0x%llx\": %llu", separator, info.dli_fname,
                 static_cast<unsigned long long>(offset),
                 static_cast<unsigned long long>(place.times.load()));
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
  return RealLock()(mutex);
}
