// SPDX-License-Identifier: Apache-2.0
//
// Hostile bodies: no crash, no exception, no unbounded recursion, and only valid UTF-8 as a result.
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rest_backend/deletion/error_body.h"
#include "tests/support/utf8.h"
#include "tests/unit/deletion/printers.h"

namespace evalrun::deletion {
namespace {

using testing::IsUtf8;
using namespace std::string_literals;  // for strings with a NUL inside

ErrorBody Parse(std::string_view bytes, bool complete = true,
                std::string_view content_type = "application/json") {
  const BodyBytes body = {.bytes = bytes, .content_type = content_type, .complete = complete};
  ErrorBody parsed = ParseErrorBody(body);
  EXPECT_EQ(ClassifyBody(body), parsed.kind) << "the two readings differ";
  EXPECT_TRUE(IsUtf8(parsed.code));
  EXPECT_TRUE(IsUtf8(parsed.message));
  EXPECT_TRUE(IsUtf8(parsed.request_id));
  for (const FieldError& error : parsed.field_errors) {
    EXPECT_TRUE(IsUtf8(error.field));
    EXPECT_TRUE(IsUtf8(error.description));
  }
  if (!complete) {
    EXPECT_NE(parsed.kind, BodyKind::kApiError);
  }
  return parsed;
}

std::string Repeat(std::string_view unit, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += unit;
  return out;
}

const std::string kApi =
    R"({"error":{"code":"resource.not_found","message":"a \u00fc \"q\"","details":{"n":[1,-2.5e3,true,null]}},"request_id":"r"})";

TEST(HostileBodyTest, TruncatedApiErrorIsNotRecognized) {
  ASSERT_EQ(Parse(kApi).kind, BodyKind::kApiError);
  for (size_t length = 1; length < kApi.size(); ++length) {
    const std::string prefix = kApi.substr(0, length);
    SCOPED_TRACE(prefix);
    // Before its first name nothing distinguishes it from other JSON.
    const bool names_error = prefix.starts_with(R"({"error")");
    for (const bool complete : {true, false}) {
      const ErrorBody body = Parse(prefix, complete);
      EXPECT_EQ(body.kind, names_error ? BodyKind::kOther : BodyKind::kJson);
      EXPECT_EQ(body.code, "");
      EXPECT_EQ(body.message, "") << "it may end with a part of our API key";
    }
  }
}

TEST(HostileBodyTest, UnboundedNesting) {
  for (int depth : {100, 10'000, 100'000}) {
    SCOPED_TRACE(depth);
    EXPECT_NE(Parse(Repeat("[", depth)).kind, BodyKind::kApiError);
    EXPECT_NE(Parse(Repeat("[", depth), false).kind, BodyKind::kApiError);
    EXPECT_NE(Parse(Repeat("{\"a\":", depth)).kind, BodyKind::kApiError);
    EXPECT_NE(Parse(Repeat("{\"error\":", depth)).kind, BodyKind::kApiError);
    EXPECT_NE(Parse(Repeat("[", depth) + Repeat("]", depth)).kind, BodyKind::kApiError);
  }
}

TEST(HostileBodyTest, DeeplyNestedDetails) {
  for (int depth : {10, 1'000, 100'000}) {
    SCOPED_TRACE(depth);
    const ErrorBody body = Parse(R"({"error":{"code":"c","message":"m","details":)" +
                                 Repeat("[", depth) + Repeat("]", depth) + "}}");
    if (depth == 10) {
      EXPECT_EQ(body.kind, BodyKind::kApiError);
    }
  }
}

TEST(HostileBodyTest, MegabyteMessageIsReadWhole) {
  const ErrorBody body =
      Parse(R"({"error":{"code":"c","message":")" + std::string(1 << 20, 'm') + R"("}})");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.message.size(), size_t{1} << 20);
}

TEST(HostileBodyTest, TenThousandFieldErrors) {
  const std::string one = R"({"loc":["query"],"msg":"m","type":"t"})";
  const ErrorBody body = Parse(R"({"detail":[)" + Repeat(one + ",", 9'999) + one + "]}");
  EXPECT_EQ(body.kind, BodyKind::kJson);
  EXPECT_FALSE(body.field_errors.empty());
}

TEST(HostileBodyTest, NumbersOutOfEveryRange) {
  for (const char* number :
       {"1e999999999", "-1e999", "1e-999999", "99999999999999999999999999999", "-0"}) {
    SCOPED_TRACE(number);
    Parse(R"({"error":{"code":"c","message":"m","details":{"n":)" + std::string(number) + "}}}");
    Parse(R"({"detail":[{"loc":["a",)" + std::string(number) + R"(],"msg":"m"}]})");
  }
}

TEST(HostileBodyTest, InvalidUtf8InTheMessageIsReplaced) {
  const ErrorBody body = Parse(
      "{\"error\":{\"code\":\"not_found\",\"message\":\"caf\xe9 \xff bad utf-8\",\"details\":{}},"
      "\"request_id\":\"r\"}");
  EXPECT_EQ(body.kind, BodyKind::kApiError);
  EXPECT_EQ(body.code, "not_found");
  EXPECT_EQ(body.request_id, "r");
  EXPECT_THAT(body.message, ::testing::StartsWith("caf"));
  EXPECT_THAT(body.message, ::testing::EndsWith(" bad utf-8"));
}

TEST(HostileBodyTest, InvalidUtf8IsNeverReturned) {
  for (const char* bad : {"\xe9", "\xff", "\xc3", "\xe2\x82", "\xed\xa0\x80", "\xc0\xaf",
                          "\xf5\x80\x80\x80", "\x80", "\xf0\x9f\x98"}) {
    const std::string b = bad;
    SCOPED_TRACE(::testing::PrintToString(b));
    const ErrorBody code = Parse("{\"error\":{\"code\":\"a" + b + "\",\"message\":\"m\"}}");
    EXPECT_EQ(code.kind, BodyKind::kApiError);
    EXPECT_EQ(code.message, "m");
    const ErrorBody message = Parse("{\"error\":{\"code\":\"c\",\"message\":\"<" + b +
                                    ">\"},\"request_id\":\"" + b + "\"}");
    EXPECT_EQ(message.kind, BodyKind::kApiError);
    EXPECT_EQ(message.code, "c");
    EXPECT_THAT(message.message, ::testing::MatchesRegex("<.+>"));
    Parse("{\"detail\":\"" + b + "\"}");
    Parse("{\"detail\":[{\"loc\":[\"" + b + "\"],\"msg\":\"" + b + "\"}]}");
    Parse("{\"" + b + "\":1}");
    EXPECT_NE(Parse(b).kind, BodyKind::kApiError);
    EXPECT_NE(Parse(b + kApi).kind, BodyKind::kApiError);
    EXPECT_NE(Parse(kApi + b).kind, BodyKind::kApiError);
  }
}

TEST(HostileBodyTest, LoneSurrogatesAreNeverReturned) {
  for (const char* escape : {R"(\ud800)", R"(\udc00)", R"(\ud800\u0041)", R"(\udfff\ud800)"}) {
    SCOPED_TRACE(escape);
    Parse(R"({"error":{"code":"c","message":")" + std::string(escape) + R"("}})");
    Parse(R"({"detail":")" + std::string(escape) + R"("})");
  }
}

TEST(HostileBodyTest, DuplicateKeysYieldOneValue) {
  const ErrorBody code = Parse(R"({"error":{"code":"a","code":"b","message":"m"}})");
  EXPECT_TRUE(code.code == "a" || code.code == "b");
  const ErrorBody error =
      Parse(R"({"error":{"code":"a","message":"1"},"error":{"code":"b","message":"2"}})");
  EXPECT_EQ(error.kind, BodyKind::kApiError);
  EXPECT_TRUE((error.code == "a" && error.message == "1") ||
              (error.code == "b" && error.message == "2"));
  Parse(R"({"error":{"code":"a","message":"1"},"error":null})");
  Parse(R"({"error":null,"error":{"code":"a","message":"1"}})");
}

TEST(HostileBodyTest, Nuls) {
  EXPECT_EQ(Parse("\0"s).kind, BodyKind::kOther);
  EXPECT_EQ(Parse("\0"s + kApi).kind, BodyKind::kOther);
  EXPECT_EQ(Parse(kApi + "\0"s).kind, BodyKind::kOther);
  EXPECT_EQ(Parse(kApi + "\0junk"s).kind, BodyKind::kOther);
  EXPECT_NE(Parse("{\"error\":{\"code\":\"a\0b\",\"message\":\"m\"}}"s).kind, BodyKind::kApiError);
  const ErrorBody escaped = Parse(R"({"error":{"code":"a\u0000b","message":"m"}})");
  EXPECT_EQ(escaped.kind, BodyKind::kApiError);
  EXPECT_EQ(escaped.code, "a\0b"s);
}

TEST(HostileBodyTest, ByteOrderMark) {
  EXPECT_NE(Parse("\xef\xbb\xbf").kind, BodyKind::kApiError);
  const BodyKind kind = Parse("\xef\xbb\xbf" + kApi).kind;
  EXPECT_TRUE(kind == BodyKind::kApiError || kind == BodyKind::kOther);
  EXPECT_NE(Parse("\xef\xbb" + kApi).kind, BodyKind::kApiError);
  EXPECT_NE(Parse("\xff\xfe{\0}\0"s).kind, BodyKind::kApiError);  // UTF-16
}

TEST(HostileBodyTest, OddContentTypes) {
  for (const std::string& type :
       {std::string(";"), std::string("/"), std::string("application/"), "a\0b"s, "\xff\xfe"s,
        std::string(100'000, ';'), std::string(100'000, 'j'), " application/json "s, "+json"s}) {
    SCOPED_TRACE(::testing::PrintToString(type.substr(0, 40)));
    Parse("", true, type);
    Parse("", false, type);
    Parse(kApi, true, type);
    Parse("<html>", true, type);
  }
}

TEST(HostileBodyTest, RandomMutations) {
  std::mt19937 random(20240603);
  const std::string seeds[] = {
      kApi, R"({"error":{"code":"c","message":"m","request_id":"r","details":{}}})",
      R"({"detail":[{"loc":["query","workspace_uuid",1],"msg":"m","type":"t"}]})",
      R"({"detail":"Not Found"})"};
  const std::string spice = "{}[]\",:\\u0e+-.\x80\xc3\xff\n\0 "s;
  for (int i = 0; i < 30000; ++i) {
    std::string bytes = seeds[random() % 4];
    for (unsigned changes = random() % 5; changes > 0; --changes) {
      const size_t at = random() % bytes.size();
      const char c = random() % 2 ? spice[random() % spice.size()] : static_cast<char>(random());
      if (random() % 3 == 0) {
        bytes.insert(at, 1, c);
      } else {
        bytes[at] = c;
      }
    }
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    SCOPED_TRACE(::testing::PrintToString(bytes));
    Parse(bytes, random() % 2 == 0, random() % 2 == 0 ? "application/json" : "");
    if (::testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace evalrun::deletion
