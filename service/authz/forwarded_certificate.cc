// SPDX-License-Identifier: Apache-2.0

#include "service/authz/forwarded_certificate.h"

#include <algorithm>
#include <cstddef>

namespace evalrun::authz {
namespace {

bool IsUriKey(std::string_view key) {
  constexpr std::string_view kUri = "uri";
  return std::ranges::equal(key, kUri, [](char c, char lower) {
    return c == lower || (c >= 'A' && c <= 'Z' && c - 'A' + 'a' == lower);
  });
}

bool IsKeyCharacter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Reads from the front of a value. After a failure nothing more may be read.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}

  [[nodiscard]] bool is_at_end() const { return rest_.empty(); }

  [[nodiscard]] bool Skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  // Empty: a failure.
  [[nodiscard]] std::string_view ReadKey() {
    const auto* end = std::ranges::find_if_not(rest_, IsKeyCharacter);
    return Extract(static_cast<std::size_t>(end - rest_.begin()));
  }

  // nullopt: a failure.
  [[nodiscard]] std::optional<std::string> ReadText() {
    if (Skip('"')) return ReadQuoted();
    return std::string(Extract(std::min(rest_.find_first_of(",;=\""), rest_.size())));
  }

 private:
  std::string_view Extract(std::size_t length) {
    const std::string_view extracted = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return extracted;
  }

  std::optional<std::string> ReadQuoted() {
    std::string text;
    while (!Skip('"')) {
      if (Skip('\\') && rest_.empty()) return std::nullopt;
      if (rest_.empty()) return std::nullopt;
      text += rest_.front();
      rest_.remove_prefix(1);
    }
    return text;
  }

  std::string_view rest_;
};

struct Element {
  int uri_count = 0;
  std::string uri;
};

std::optional<Element> ReadElement(Reader* reader) {
  Element element;
  do {
    const std::string_view key = reader->ReadKey();
    if (key.empty() || !reader->Skip('=')) return std::nullopt;
    std::optional<std::string> text = reader->ReadText();
    if (!text.has_value()) return std::nullopt;
    if (!IsUriKey(key)) continue;
    ++element.uri_count;
    element.uri = *std::move(text);
  } while (reader->Skip(';'));
  return element;
}

}  // namespace

std::optional<std::string> ParseForwardedCertificateUri(std::string_view value) {
  Reader reader(value);
  std::optional<Element> last;
  do {
    last = ReadElement(&reader);
    if (!last.has_value()) return std::nullopt;
  } while (reader.Skip(','));
  if (!reader.is_at_end() || last->uri_count != 1 || last->uri.empty()) return std::nullopt;
  return std::move(last->uri);
}

}  // namespace evalrun::authz
