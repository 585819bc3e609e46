// SPDX-License-Identifier: Apache-2.0
//
// Which kind of body a response has: the API's error, other JSON, empty, or an intermediary's.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rest_backend/deletion/error_body.h"
#include "tests/unit/deletion/printers.h"

namespace evalrun::deletion {
namespace {

ErrorBody Parse(std::string_view bytes, std::string_view content_type, bool complete) {
  const BodyBytes body = {.bytes = bytes, .content_type = content_type, .complete = complete};
  ErrorBody parsed = ParseErrorBody(body);
  EXPECT_EQ(ClassifyBody(body), parsed.kind) << "the two readings differ";
  return parsed;
}

struct KindCase {
  const char* name;
  std::string bytes;
  std::string content_type;
  bool complete;
  BodyKind expected;
};

void PrintTo(const KindCase& c, std::ostream* os) { *os << c.name; }

class BodyKindTest : public ::testing::TestWithParam<KindCase> {};

TEST_P(BodyKindTest, Is) {
  const KindCase& c = GetParam();
  const ErrorBody body = Parse(c.bytes, c.content_type, c.complete);
  EXPECT_EQ(body.kind, c.expected);
  if (body.kind == BodyKind::kApiError) return;
  EXPECT_EQ(body.code, "");
}

std::string Name(const ::testing::TestParamInfo<KindCase>& param) { return param.param.name; }

const std::string kApi = R"({"error":{"code":"resource.not_found","message":"m"}})";
const std::string kHtml = "<html><body><h1>404 Not Found</h1></body></html>";

INSTANTIATE_TEST_SUITE_P(
    Complete, BodyKindTest,
    ::testing::Values(
        KindCase{"Nothing", "", "", true, BodyKind::kEmpty},
        KindCase{"NothingOfJson", "", "application/json", true, BodyKind::kEmpty},
        KindCase{"NothingOfHtml", "", "text/html", true, BodyKind::kEmpty},
        KindCase{"WhiteSpace", " \r\n\t ", "application/json", true, BodyKind::kEmpty},
        KindCase{"Object", "{}", "application/json", true, BodyKind::kJson},
        KindCase{"ObjectWithFields", R"({"deleted":true})", "application/json", true,
                 BodyKind::kJson},
        KindCase{"Array", R"(["not","an","object"])", "application/json", true, BodyKind::kJson},
        KindCase{"Null", "null", "application/json", true, BodyKind::kJson},
        KindCase{"True", "true", "application/json", true, BodyKind::kJson},
        KindCase{"Number", "204", "application/json", true, BodyKind::kJson},
        KindCase{"String", "\"deleted\"", "application/json", true, BodyKind::kJson},
        KindCase{"ApiError", kApi, "application/json", true, BodyKind::kApiError},
        KindCase{"ApiErrorWithACharset", kApi, "Application/JSON; charset=utf-8", true,
                 BodyKind::kApiError},
        KindCase{"ApiErrorAsProblem", kApi, "application/problem+json", true, BodyKind::kApiError},
        KindCase{"ApiErrorWithoutContentType", kApi, "", true, BodyKind::kApiError},
        KindCase{"ObjectWithoutContentType", "{}", "", true, BodyKind::kJson},
        KindCase{"Html", kHtml, "text/html", true, BodyKind::kOther},
        KindCase{"HtmlWithoutContentType", kHtml, "", true, BodyKind::kOther},
        KindCase{"HtmlThatClaimsToBeJson", kHtml, "application/json", true, BodyKind::kOther},
        KindCase{"HtmlAroundTheApisError", "<pre>" + kApi + "</pre>", "text/html", true,
                 BodyKind::kOther},
        KindCase{"Text", "OK", "text/plain", true, BodyKind::kOther},
        KindCase{"TextThatClaimsToBeJson", "OK", "application/json", true, BodyKind::kOther},
        KindCase{"TextWithBraces", "{not json}", "application/json", true, BodyKind::kOther},
        KindCase{"TextWithBrackets", "[not json]", "application/json", true, BodyKind::kOther},
        KindCase{"Binary", std::string("\x1f\x8b\x08\x00\x01", 5), "application/json", true,
                 BodyKind::kOther},
        KindCase{"TwoDocuments", kApi + kApi, "application/json", true, BodyKind::kOther},
        KindCase{"JunkBehindTheApisError", kApi + "x", "application/json", true, BodyKind::kOther},
        KindCase{"JunkBeforeTheApisError", ")]}'\n" + kApi, "application/json", true,
                 BodyKind::kOther},
        KindCase{"TrailingComma", R"({"error":{"code":"c","message":"m"},})", "application/json",
                 true, BodyKind::kOther},
        KindCase{"SingleQuotes", "{'error':{'code':'c'}}", "application/json", true,
                 BodyKind::kOther},
        KindCase{"CommentBeforeTheApisError", "/* x */" + kApi, "application/json", true,
                 BodyKind::kOther},
        KindCase{"EndsInTheMiddle", R"({"deleted":true,"eval_run)", "application/json", true,
                 BodyKind::kJson},
        KindCase{"EndsInTheApisError", R"({"error":{"code":"invalid_request","mess)",
                 "application/json", true, BodyKind::kOther}),
    Name);

INSTANTIATE_TEST_SUITE_P(
    Cut, BodyKindTest,
    ::testing::Values(
        KindCase{"NothingYet", "", "", false, BodyKind::kOther},
        KindCase{"NothingYetOfHtml", "", "text/html", false, BodyKind::kOther},
        KindCase{"NothingYetOfJavascript", "", "application/jsonp", false, BodyKind::kOther},
        KindCase{"NothingYetOfJsonInAParameter", "", "text/html; x=application/json", false,
                 BodyKind::kOther},
        KindCase{"ApiErrorUpToItsFirstName", R"({"error")", "application/json", false,
                 BodyKind::kOther},
        KindCase{"ApiErrorUpToItsCode", R"({"error":{"code":"resource.not_found")",
                 "application/json", false, BodyKind::kOther},
        KindCase{"ApiErrorWithoutItsLastBrace", kApi.substr(0, kApi.size() - 1), "application/json",
                 false, BodyKind::kOther},
        KindCase{"ApiErrorBehindOtherMembers", R"({"a":{"b":[1]},"request_id":"r","error":{"co)",
                 "application/json", false, BodyKind::kOther},
        KindCase{"ApiErrorThatLooksComplete", kApi, "application/json", false, BodyKind::kOther},
        KindCase{"ApiErrorThatLooksCompleteWithoutContentType", kApi, "", false, BodyKind::kOther},
        KindCase{"ErrorFurtherDown", R"({"run":{"error":{"code":"c"}},"runs":[{"error":1)",
                 "application/json", false, BodyKind::kJson},
        KindCase{"ErrorInAnArray", R"([{"error":{"code":"c")", "application/json", false,
                 BodyKind::kJson},
        KindCase{"ErrorAsAValue", R"({"status":"error",)", "application/json", false,
                 BodyKind::kJson},
        KindCase{"ErrorThatIsNotTheApisAndLooksComplete", R"({"error":null,"deleted":true})",
                 "application/json", false, BodyKind::kJson},
        KindCase{"WhatWasReadIsAnObject", R"({"deleted":true})", "application/json", false,
                 BodyKind::kJson},
        KindCase{"FirstByte", "{", "application/json", false, BodyKind::kJson},
        KindCase{"InsideAString", R"({"deleted)", "application/json", false, BodyKind::kJson},
        KindCase{"InsideAnEscape", R"({"a":"\u00)", "application/json", false, BodyKind::kJson},
        KindCase{"InsideALiteral", R"({"deleted":tr)", "application/json", false, BodyKind::kJson},
        KindCase{"InsideANumber", R"({"n":-)", "application/json", false, BodyKind::kJson},
        KindCase{"BehindAColon", R"({"n":)", "application/json", false, BodyKind::kJson},
        KindCase{"InsideAnArray", R"(["a",)", "application/json", false, BodyKind::kJson},
        KindCase{"Html", "<html><bo", "text/html", false, BodyKind::kOther},
        KindCase{"HtmlThatClaimsToBeJson", "<html><bo", "application/json", false,
                 BodyKind::kOther},
        KindCase{"Text", "upstream conn", "text/plain", false, BodyKind::kOther}),
    Name);

TEST(ClassifyBodyTest, TruncatedEmptyJsonBodyIsEmpty) {
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8",
                           "application/problem+json", "APPLICATION/JSON", "application/json;"}) {
    SCOPED_TRACE(type);
    const BodyKind kind = Parse("", type, false).kind;
    EXPECT_TRUE(kind == BodyKind::kEmpty || kind == BodyKind::kJson);
  }
}

}  // namespace
}  // namespace evalrun::deletion
