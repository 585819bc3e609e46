// SPDX-License-Identifier: Apache-2.0
//
// File: core_dumps.h
//
// The memory of the process holds API keys and private keys: by default no copy of it can be made.
#ifndef EVALRUN_SERVICE_PROCESS_CORE_DUMPS_H_
#define EVALRUN_SERVICE_PROCESS_CORE_DUMPS_H_

#include <absl/status/status.h>

namespace evalrun::process {

// Keeps the kernel from writing a core file, and other processes of the same user from attaching to
// this one and from reading its memory, its environment (where a key may be) and its descriptors.
// Root still can. An error, as of a sandbox that forbids it, says what the system refused.
absl::Status ForbidCoreDumps();

// Undoes ForbidCoreDumps().
absl::Status AllowCoreDumps();

}  // namespace evalrun::process

#endif  // EVALRUN_SERVICE_PROCESS_CORE_DUMPS_H_
