// File: seed.h
//
// The seed file: who and what a backend knows when it starts. README.md shows its format.
#ifndef EVALRUN_REST_BACKEND_SERVER_SEED_H_
#define EVALRUN_REST_BACKEND_SERVER_SEED_H_

#include <string>

#include <absl/status/statusor.h>

#include "rest_backend/server/records.h"

namespace evalrun::backend {

// Reads and checks a whole seed file: types, ids, unknown members, and that every record it refers
// to is in the file. Otherwise INVALID_ARGUMENT with a sentence that names the file and the member,
// and never an API key.
[[nodiscard]] absl::StatusOr<Seed> ReadSeed(const std::string& file);

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_SEED_H_
