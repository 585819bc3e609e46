// SPDX-License-Identifier: Apache-2.0
//
// File: request_target.h
//
// An independent check of a request target: parsed again, by hand and by libcurl, it addresses
// exactly the run with the given id.
#ifndef EVALRUN_TESTS_FUZZ_REQUEST_TARGET_H_
#define EVALRUN_TESTS_FUZZ_REQUEST_TARGET_H_

#include <optional>
#include <string_view>

namespace evalrun::fuzz {

// Builds the target for two well-formed ids with several base paths, and checks it.
void CheckRequestTarget(std::string_view eval_run_uuid,
                        std::optional<std::string_view> workspace_uuid);

}  // namespace evalrun::fuzz

#endif  // EVALRUN_TESTS_FUZZ_REQUEST_TARGET_H_
