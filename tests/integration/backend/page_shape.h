// SPDX-License-Identifier: Apache-2.0
//
// File: page_shape.h
//
// The shape of the errors that the API documents for the endpoint.
#ifndef EVALRUN_TESTS_INTEGRATION_BACKEND_PAGE_SHAPE_H_
#define EVALRUN_TESTS_INTEGRATION_BACKEND_PAGE_SHAPE_H_

#include <string>

#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

namespace evalrun::backend {

// Expects a response with this status and a body of exactly `{"error": {"code", "message",
// "details"}, "request_id"}`, with the request id of the header. Returns the body.
inline nlohmann::json ExpectDocumentedError(const httplib::Result& result, int status,
                                            const std::string& code) {
  if (!result) {
    ADD_FAILURE() << "no response";
    return {};
  }
  EXPECT_EQ(result->status, status) << result->body;
  EXPECT_EQ(result->get_header_value("Content-Type"), "application/json");
  const nlohmann::json body = nlohmann::json::parse(result->body, nullptr, false);
  if (!body.is_object() || !body["error"].is_object()) {
    ADD_FAILURE() << result->body;
    return {};
  }
  EXPECT_EQ(body.size(), 2U) << result->body;
  EXPECT_EQ(body["error"].size(), 3U) << result->body;
  EXPECT_EQ(body["error"]["code"], code);
  EXPECT_TRUE(body["error"]["message"].is_string()) << result->body;
  EXPECT_NE(body["error"]["message"], "");
  EXPECT_TRUE(body["error"]["details"].is_object()) << result->body;
  EXPECT_NE(body["request_id"], "");
  EXPECT_EQ(body["request_id"], result->get_header_value("x-request-id"));
  return body;
}

}  // namespace evalrun::backend

#endif  // EVALRUN_TESTS_INTEGRATION_BACKEND_PAGE_SHAPE_H_
