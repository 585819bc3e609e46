// SPDX-License-Identifier: Apache-2.0
//
// File: connect_advice.h
//
// Advice to the user when no connection can be made. Pure.
#ifndef EVALRUN_SERVICE_CLI_CONNECT_ADVICE_H_
#define EVALRUN_SERVICE_CLI_CONNECT_ADVICE_H_

#include <string>
#include <string_view>

#include "service/cli/delete_result.h"

namespace evalrun::cli {

// `error` is gRPC's message, such as "Connection refused". Returns sentences without the last full
// stop.
[[nodiscard]] std::string ConnectAdvice(std::string_view error, const Connection& connection);

}  // namespace evalrun::cli

#endif  // EVALRUN_SERVICE_CLI_CONNECT_ADVICE_H_
