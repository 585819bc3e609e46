// SPDX-License-Identifier: Apache-2.0
//
// The output is one JSON object on one line, whatever the input.
#include "service/observability/json_line.h"

#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace evalrun::observability {
namespace {

using namespace std::string_literals;
using namespace std::chrono_literals;

TEST(JsonLineTest, WritesEachKindOfValue) {
  std::string buffer;
  const std::chrono::sys_days day = std::chrono::year(2026) / 2 / 3;
  EXPECT_EQ(JsonLine(&buffer)
                .Time(day + 4h + 5min + 6s + 7us)
                .Text("text", "a")
                .OptionalText("left_out", "")
                .OptionalText("kept", "b")
                .Number("number", -42)
                .Seconds("seconds", 1'000'002us)
                .Bool("yes", true)
                .Finish(),
            R"({"time":"2026-02-03T04:05:06.000007Z","text":"a","kept":"b","number":-42,)"
            R"("seconds":1.000002,"yes":true})");
}

TEST(JsonLineTest, ReusesTheBuffer) {
  std::string buffer = "what was there before";
  EXPECT_EQ(JsonLine(&buffer).Finish(), "{}");
}

TEST(JsonLineTest, EscapesEveryByteThatCouldEndTheStringOrLine) {
  std::string all_bytes;
  for (int byte = 0; byte < 256; ++byte) all_bytes += static_cast<char>(byte);
  for (const std::string& value :
       {"\"}\n{\"forged\":1}"s, "back\\slash\\\""s, "nul\0nul"s, "\xE2\x80\xA8 \xE2\x80\xA9"s,
        "\xC3"s, "\x7F\x1B[2J"s, all_bytes}) {
    std::string buffer;
    const std::string line(JsonLine(&buffer).Text("value", value).Finish());
    EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
    EXPECT_EQ(line.find("\xE2\x80\xA8"), std::string::npos);
    const auto parsed = nlohmann::json::parse(line);
    EXPECT_EQ(parsed.size(), 1u);
    for (const char c : line) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
}

TEST(JsonLineTest, RoundTripsValidUtf8) {
  const std::string value = "\"q\" \\ \n \xC3\xBC \xF0\x9F\x92\xA5 \xE2\x80\xA8";
  std::string buffer;
  const std::string line(JsonLine(&buffer).Text("value", value).Finish());
  EXPECT_EQ(nlohmann::json::parse(line)["value"], value);
}

}  // namespace
}  // namespace evalrun::observability
