// SPDX-License-Identifier: Apache-2.0
//
// File: request_id.h
//
// The id of a call whose caller gave none.
#ifndef EVALRUN_SERVICE_HANDLER_REQUEST_ID_H_
#define EVALRUN_SERVICE_HANDLER_REQUEST_ID_H_

#include <string>

#include "service/handler/random_source.h"

namespace evalrun::handler {

// Replaces `*request_id` by 32 random hexadecimal digits.
void MakeRequestId(RandomSource* random, std::string* request_id);

}  // namespace evalrun::handler

#endif  // EVALRUN_SERVICE_HANDLER_REQUEST_ID_H_
