#include "service/process/core_dumps.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace evalrun::process {
namespace {

// Only the soft limit: the hard one is kept for AllowCoreDumps(). A handler of the kernel that
// takes core files through a pipe does not look at the limit, but at whether the process is
// dumpable.
void SetDumpable(bool dumpable) {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = dumpable ? limit.rlim_max : 0;
    setrlimit(RLIMIT_CORE, &limit);
  }
  prctl(PR_SET_DUMPABLE, dumpable ? 1 : 0, 0, 0, 0);
}

}  // namespace

void ForbidCoreDumps() { SetDumpable(false); }

void AllowCoreDumps() { SetDumpable(true); }

}  // namespace evalrun::process
