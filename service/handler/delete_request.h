// SPDX-License-Identifier: Apache-2.0
//
// File: delete_request.h
//
// The message of a DeleteEvalRun call, from bytes to what may be sent. Pure.
#ifndef EVALRUN_SERVICE_HANDLER_DELETE_REQUEST_H_
#define EVALRUN_SERVICE_HANDLER_DELETE_REQUEST_H_

#include <optional>
#include <string_view>

#include "aymara/evals/v1/eval_run_service.pb.h"
#include "rest_backend/deletion/resource_id.h"

namespace evalrun::handler {

// Completes the sentence "`field` must be `expected`". Both view literals.
struct InvalidField {
  std::string_view field;  // empty: the message as a whole
  std::string_view expected;
};

// Replaces `*request` by the message in `bytes`. Nothing is returned when its ids are well-formed
// and it may be sent; otherwise the first thing that is wrong, and a message that does not parse
// leaves `*request` empty.
[[nodiscard]] std::optional<InvalidField> ParseDeleteRequest(
    std::string_view bytes, deletion::IdFormat format,
    aymara::evals::v1::DeleteEvalRunRequest* request);

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_DELETE_REQUEST_H_
