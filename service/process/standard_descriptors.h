// SPDX-License-Identifier: Apache-2.0
//
// File: standard_descriptors.h
//
// Standard input, output and error.
#ifndef EVALRUN_SERVICE_PROCESS_STANDARD_DESCRIPTORS_H_
#define EVALRUN_SERVICE_PROCESS_STANDARD_DESCRIPTORS_H_

#include <absl/status/status.h>

namespace evalrun::process {

// What becomes of reads and writes of a standard descriptor that was closed.
enum class ClosedDescriptorUse {
  kDiscard,  // nothing is read, and what is written vanishes
  kFail,     // they fail, as before
};

// Opens /dev/null on each of the descriptors 0, 1 and 2 that was closed when the program started.
// Otherwise the next file that the process opens, such as the audit file, gets that number, and
// whatever is printed goes there. Called before anything is opened. What a library has opened there
// when it was loaded, as gRPC's does to find out whether it can, is replaced.
[[nodiscard]] absl::Status OpenStandardDescriptors(ClosedDescriptorUse use);

}  // namespace evalrun::process

#endif  // EVALRUN_SERVICE_PROCESS_STANDARD_DESCRIPTORS_H_
