// SPDX-License-Identifier: Apache-2.0
//
// File: seed.h
//
// Reads the seed file: the data that a backend has when it starts. README.md documents its format.
#ifndef EVALRUN_REST_BACKEND_SERVER_SEED_H_
#define EVALRUN_REST_BACKEND_SERVER_SEED_H_

#include <string>

#include <absl/status/statusor.h>

#include "rest_backend/server/records.h"

namespace evalrun::backend {

// Reads and checks a whole seed file: types, ids, unknown members, and that every referenced record
// is in the file. The error is INVALID_ARGUMENT with a sentence that names the file and the member,
// and never contains an API key.
[[nodiscard]] absl::StatusOr<Seed> ReadSeed(const std::string& file);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_SEED_H_
