// SPDX-License-Identifier: Apache-2.0
//
// The content of ordinary error bodies. error_body_hostile_test.cc has the hostile ones.
#include "rest_backend/deletion/error_body.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/deletion/printers.h"

namespace evalrun::deletion {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ErrorBody Parse(std::string_view bytes) {
  const BodyBytes body = {.bytes = bytes, .content_type = "application/json"};
  ErrorBody parsed = ParseErrorBody(body);
  EXPECT_EQ(ClassifyBody(body), parsed.kind) << "the two readings differ";
  return parsed;
}

TEST(ParseErrorBodyTest, Shape1AsDocumented) {
  const ErrorBody body = Parse(
      R"({"error": {"code": "auth.invalid_key", "message": "string", "details": {}}, "request_id": "req-1"})");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.code, "auth.invalid_key");
  EXPECT_EQ(body.message, "string");
  EXPECT_EQ(body.request_id, "req-1");
  EXPECT_THAT(body.field_errors, IsEmpty());
}

TEST(ParseErrorBodyTest, Shape1WithAnEmptyRequestId) {
  const ErrorBody body = Parse(
      R"({"error":{"code":"server.internal_error","message":"m","details":{}},"request_id":""})");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.request_id, "");
}

TEST(ParseErrorBodyTest, Shape1WithoutOptionalFields) {
  const ErrorBody body = Parse(R"({"error":{"code":"resource.conflict","message":"m"}})");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.code, "resource.conflict");
}

TEST(ParseErrorBodyTest, Shape2HasItsRequestIdInside) {
  const ErrorBody body = Parse(
      R"({"error":{"code":"resource.score_run_not_found","message":"gone","request_id":"req-2"}})");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.code, "resource.score_run_not_found");
  EXPECT_EQ(body.message, "gone");
  EXPECT_EQ(body.request_id, "req-2");
}

TEST(ParseErrorBodyTest, Shape2WithDetails) {
  const ErrorBody body = Parse(
      R"({"error":{"code":"c","message":"m","request_id":"r","details":{"a":[1,2,{"b":null}]}}})");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.request_id, "r");
}

TEST(ParseErrorBodyTest, DetailsAreAnObjectWithMembers) {
  struct {
    const char* details;
    const char* text;
  } const cases[] = {
      {R"({"limit": 5, "until": "\u0061 day", "in": {"x": [1, null, true]}})",
       R"({"in":{"x":[1,null,true]},"limit":5,"until":"a day"})"},
      {"{}", ""},
      {"[1]", ""},
      {R"("text")", ""},
      {"null", ""},
  };
  for (const auto& c : cases) {
    const ErrorBody body =
        Parse(std::string(R"({"error":{"code":"c","message":"m","details":)") + c.details + "}}");
    EXPECT_EQ(body.details, c.text) << c.details;
  }
  EXPECT_EQ(Parse(R"({"error":{"code":"c"}})").details, "");
  EXPECT_EQ(Parse(R"({"details":{"a":1},"detail":"m"})").details, "") << "not the API's";
}

TEST(ParseErrorBodyTest, LargeOrDeepDetailsAreLeftOut) {
  const auto details_of = [](const std::string& value) {
    return Parse(R"({"error":{"code":"c","details":{"a":)" + value + "}}}").details;
  };
  const std::size_t overhead = std::string(R"({"a":""})").size();
  const std::string fits(kMaxDetailsBytes - overhead, 'x');
  EXPECT_EQ(details_of('"' + fits + '"').size(), kMaxDetailsBytes);
  EXPECT_EQ(details_of('"' + fits + "x\""), "");
  const auto nested = [](int depth) {
    const auto count = static_cast<std::size_t>(depth);
    return std::string(count, '[') + std::string(count, ']');
  };
  EXPECT_NE(details_of(nested(kMaxDetailsDepth - 1)), "");
  EXPECT_EQ(details_of(nested(kMaxDetailsDepth)), "");
  EXPECT_EQ(details_of(nested(100'000)), "");
}

TEST(ParseErrorBodyTest, AnyNonEmptyCodeIsRecognized) {
  for (const char* code : {"x", "not.in.any.list", "UPPER", "with space", "\xc3\xa9", "-"}) {
    SCOPED_TRACE(code);
    const ErrorBody body =
        Parse(std::string(R"({"error":{"code":")") + code + R"(","message":"m"}})");
    EXPECT_EQ(body.kind, BodyKind::kApiError);
    EXPECT_EQ(body.code, code) << "verbatim";
  }
}

TEST(ParseErrorBodyTest, UnknownKeysAreIgnored) {
  const ErrorBody body = Parse(
      R"({"x":[],"error":{"y":1,"code":"c","message":"m","z":{"code":"no"}},"request_id":"r","code":"no"})");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.code, "c");
  EXPECT_EQ(body.request_id, "r");
}

TEST(ParseErrorBodyTest, SurroundingWhitespaceIsIgnored) {
  EXPECT_EQ(Parse(" \r\n\t{\"error\":{\"code\":\"c\",\"message\":\"m\"}}\r\n ").kind,
            BodyKind::kApiError);
}

TEST(ParseErrorBodyTest, EscapesAreDecoded) {
  const ErrorBody body = Parse(
      R"({"error":{"code":"not_found","message":"tab\there, newline\nthere, \u00fcml\u00e4ut, 100%, \ud83d\ude00"}})");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.message,
            "tab\there, newline\nthere, \xc3\xbcml\xc3\xa4ut, 100%, \xf0\x9f\x98\x80");
}

TEST(ParseErrorBodyTest, FrameworkDetailIsAMessageButNotAnApiError) {
  const ErrorBody body = Parse(R"({"detail": "Not Found"})");
  EXPECT_EQ(body.kind, BodyKind::kJson);
  EXPECT_EQ(body.message, "Not Found");
  EXPECT_EQ(body.code, "");
  EXPECT_THAT(body.field_errors, IsEmpty());
}

TEST(ParseErrorBodyTest, FrameworkFieldErrors) {
  const ErrorBody body = Parse(
      R"({"detail": [{"loc": ["query", "workspace_uuid"], "msg": "bad uuid", "type": "uuid_parsing"},
                     {"loc": ["body", "responses", 0, "prompt_uuid"], "msg": "field required", "type": "missing"}]})");
  EXPECT_EQ(body.kind, BodyKind::kJson);
  EXPECT_THAT(body.field_errors,
              ElementsAre(FieldError{"query.workspace_uuid", "bad uuid"},
                          FieldError{"body.responses.0.prompt_uuid", "field required"}));
}

TEST(ParseErrorBodyTest, EmptyFieldErrorList) {
  const ErrorBody body = Parse(R"({"detail": []})");
  EXPECT_EQ(body.kind, BodyKind::kJson);
  EXPECT_THAT(body.field_errors, IsEmpty());
}

struct NotApiCase {
  const char* name;
  const char* bytes;
};

// JSON, but not the API's error object: a wrong type or nothing where it should have spoken.
constexpr NotApiCase kNotApi[] = {
    {"no error", R"({"request_id":"r"})"},
    {"error is null", R"({"error":null})"},
    {"error is a string", R"({"error":"not_found"})"},
    {"error is a number", R"({"error":404})"},
    {"error is true", R"({"error":true})"},
    {"error is an array", R"({"error":[{"code":"c","message":"m"}]})"},
    {"error is empty", R"({"error":{}})"},
    {"no code", R"({"error":{"message":"m"}})"},
    {"code is empty", R"({"error":{"code":"","message":"m"}})"},
    {"code is null", R"({"error":{"code":null,"message":"m"}})"},
    {"code is a number", R"({"error":{"code":404,"message":"m"}})"},
    {"code is true", R"({"error":{"code":true,"message":"m"}})"},
    {"code is an array", R"({"error":{"code":["c"],"message":"m"}})"},
    {"code is an object", R"({"error":{"code":{"code":"c"},"message":"m"}})"},
    {"code at the top", R"({"code":"c","message":"m"})"},
    {"code too deep", R"({"error":{"error":{"code":"c","message":"m"}}})"},
    {"Error in upper case", R"({"Error":{"code":"c","message":"m"}})"},
    {"Code in upper case", R"({"error":{"Code":"c","message":"m"}})"},
    {"in an array", R"([{"error":{"code":"c","message":"m"}}])"},
    {"in a string", R"("{\"error\":{\"code\":\"c\",\"message\":\"m\"}}")"},
    {"detail is null", R"({"detail":null})"},
    {"detail is a number", R"({"detail":1})"},
    {"detail is an object", R"({"detail":{"msg":"m"}})"},
};

TEST(ParseErrorBodyTest, OtherJsonIsNotRecognized) {
  for (const NotApiCase& c : kNotApi) {
    SCOPED_TRACE(c.name);
    const ErrorBody body = Parse(c.bytes);
    EXPECT_EQ(body.kind, BodyKind::kJson);
    EXPECT_EQ(body.code, "");
    EXPECT_THAT(body.field_errors, IsEmpty());
  }
}

TEST(ParseErrorBodyTest, FieldsOfWrongTypeAreIgnored) {
  for (const char* wrong : {"null", "1", "true", "[]", "{}", "[\"m\"]", "-1e999"}) {
    SCOPED_TRACE(wrong);
    const std::string w = wrong;
    const ErrorBody no_message = Parse(R"({"error":{"code":"c","message":)" + w + "}}");
    EXPECT_EQ(no_message.message, "");
    const ErrorBody no_id = Parse(R"({"error":{"code":"c","message":"m"},"request_id":)" + w + "}");
    EXPECT_EQ(no_id.request_id, "");
    const ErrorBody no_inner_id =
        Parse(R"({"error":{"code":"c","message":"m","request_id":)" + w + "}}");
    EXPECT_EQ(no_inner_id.request_id, "");
    const ErrorBody no_details =
        Parse(R"({"error":{"code":"c","message":"m","details":)" + w + "}}");
    EXPECT_EQ(no_details.message, no_details.kind == BodyKind::kApiError ? "m" : "");
  }
}

TEST(ParseErrorBodyTest, MalformedFieldErrorsAreSkipped) {
  for (const char* odd :
       {"null", "1", "\"text\"", "[]", "{}", R"({"loc":"query","msg":1})", R"({"loc":[],"msg":[]})",
        R"({"loc":[null,{},[],true],"msg":{}})", R"({"loc":{"a":1},"msg":null})"}) {
    SCOPED_TRACE(odd);
    const std::string good = R"({"loc":["path","eval_run_uuid"],"msg":"bad","type":"t"})";
    const ErrorBody body = Parse(R"({"detail":[)" + std::string(odd) + "," + good + "]}");
    EXPECT_EQ(body.kind, BodyKind::kJson);
    EXPECT_THAT(body.field_errors, ::testing::Contains(FieldError{"path.eval_run_uuid", "bad"}));
  }
}

}  // namespace
}  // namespace evalrun::deletion
