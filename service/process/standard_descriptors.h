// SPDX-License-Identifier: Apache-2.0
//
// File: standard_descriptors.h
//
// Standard input, output and error.
#ifndef EVALRUN_SERVICE_PROCESS_STANDARD_DESCRIPTORS_H_
#define EVALRUN_SERVICE_PROCESS_STANDARD_DESCRIPTORS_H_

#include <absl/status/status.h>

namespace evalrun::process {

// Opens /dev/null on each of the descriptors 0, 1 and 2 that is closed. Otherwise the next file
// that the process opens, such as the audit file, gets that number, and whatever is printed goes
// there. Called before anything is opened.
[[nodiscard]] absl::Status OpenStandardDescriptors();

}  // namespace evalrun::process

#endif  // EVALRUN_SERVICE_PROCESS_STANDARD_DESCRIPTORS_H_
