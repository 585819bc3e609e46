// File: request_target.h
//
// The independent opinion about a request target: taken apart again, by hand and by libcurl, it
// deletes the run with that id and nothing else.
#ifndef EVALRUN_TESTS_FUZZ_REQUEST_TARGET_H_
#define EVALRUN_TESTS_FUZZ_REQUEST_TARGET_H_

#include <optional>
#include <string_view>

namespace evalrun::fuzz {

// Builds the target for two well-formed ids under several base paths, and checks it.
void CheckRequestTarget(std::string_view eval_run_uuid,
                        std::optional<std::string_view> workspace_uuid);

}  // namespace evalrun::fuzz

#endif  // EVALRUN_TESTS_FUZZ_REQUEST_TARGET_H_
