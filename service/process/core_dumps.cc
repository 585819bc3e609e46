// SPDX-License-Identifier: Apache-2.0

#include "service/process/core_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>

namespace evalrun::process {
namespace {

// Sets only the soft limit: AllowCoreDumps() needs the hard one. Where the kernel pipes core files
// to a program, the limit does not count, only whether the process is dumpable.
absl::Status SetDumpable(bool dumpable) {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return absl::ErrnoToStatus(errno, "getrlimit");
  limit.rlim_cur = dumpable ? limit.rlim_max : 0;
  if (setrlimit(RLIMIT_CORE, &limit) != 0) return absl::ErrnoToStatus(errno, "setrlimit");
  if (prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0) != 0) {
    return absl::ErrnoToStatus(errno, "prctl(PR_SET_DUMPABLE)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ForbidCoreDumps() { return SetDumpable(false); }

absl::Status AllowCoreDumps() { return SetDumpable(true); }

}  // namespace evalrun::process
