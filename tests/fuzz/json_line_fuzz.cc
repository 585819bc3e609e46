// SPDX-License-Identifier: Apache-2.0
//
// A log line: whatever bytes are logged, it is one line of valid JSON that contains them.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rest_backend/deletion/utf8.h"
#include "service/observability/json_line.h"
#include "tests/fuzz/property.h"

namespace evalrun::fuzz {
namespace {

// An arbitrary number: the first bytes of the input.
std::int64_t ReadNumber(std::string_view bytes) {
  std::int64_t number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  return number;
}

void CheckLine(std::string_view bytes) {
  const std::int64_t number = ReadNumber(bytes);
  const auto time = std::chrono::sys_seconds(std::chrono::seconds(number & 0xFFFFFFFF)) +
                    std::chrono::microseconds(number & 0xFFFF);
  std::string buffer = "left over from the last line";
  observability::JsonLine line(&buffer);
  line.Time(time).Text("text", bytes).OptionalText("optional", bytes).Number("number", number);
  line.Seconds("seconds", std::chrono::microseconds(number)).Bool("bool", (number & 1) != 0);
  const std::string_view written = line.Text("last", "x").Finish();

  Require(std::ranges::none_of(written, [](unsigned char c) { return c < 0x20 || c == 0x7F; }),
          "a line has no control character");
  Require(IsUtf8(written), "a line is valid UTF-8");
  Require(written.find("\xE2\x80\xA8") == std::string_view::npos &&
              written.find("\xE2\x80\xA9") == std::string_view::npos,
          "a line has no Unicode line separator");

  const auto json = nlohmann::json::parse(written, nullptr, /*allow_exceptions=*/false);
  Require(json.is_object() && json.size() == (bytes.empty() ? 6 : 7), "a line is a JSON object");
  Require(json["last"] == "x", "no value ends the line");
  const std::string text = deletion::ToValidUtf8(bytes);
  Require(json["text"] == text, "a text is what was said");
  Require(bytes.empty() || json["optional"] == text, "an optional text is what was said");
  Require(json["number"] == number, "a number is that number");
  Require(json["seconds"].is_number() && json["seconds"] >= 0, "seconds are a number from 0 on");
  Require(json["bool"] == ((number & 1) != 0), "a truth value is that one");
}

}  // namespace
}  // namespace evalrun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  evalrun::fuzz::CheckLine({reinterpret_cast<const char*>(data), size});
  return 0;
}
