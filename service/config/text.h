// SPDX-License-Identifier: Apache-2.0
//
// File: text.h
//
// Builds messages, shows text of unknown origin in them on one line, and checks characters. Pure.
#ifndef EVALRUN_SERVICE_CONFIG_TEXT_H_
#define EVALRUN_SERVICE_CONFIG_TEXT_H_

#include <concepts>
#include <string>
#include <string_view>

#include <absl/strings/string_view.h>

namespace evalrun::config {

// Appends strings and whole numbers. absl::StrAppend() does not take a std::string_view where absl
// was built for an older C++, as Debian's is.
template <typename... Parts>
void Append(std::string* text, const Parts&... parts) {
  const auto append = [text](const auto& part) {
    using Part = std::decay_t<decltype(part)>;
    if constexpr (std::integral<Part> && !std::same_as<Part, char>) {
      text->append(std::to_string(part));
    } else if constexpr (std::convertible_to<Part, std::string_view>) {
      text->append(std::string_view(part));
    } else {
      text->append(part.data(), part.size());  // absl::string_view
    }
  };
  (append(parts), ...);
}

// The same, as a new string.
template <typename... Parts>
[[nodiscard]] std::string Concat(const Parts&... parts) {
  std::string text;
  Append(&text, parts...);
  return text;
}

// The characters of most names, and those of names that may have dots.
inline constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_";
inline constexpr std::string_view kDottedNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

// Whether `text` is 1 to 64 of `characters`.
[[nodiscard]] bool IsName(std::string_view text, std::string_view characters);

// `text` with everything outside printable ASCII escaped, cut after about a hundred characters.
[[nodiscard]] std::string Escape(std::string_view text);

// The same in double quotes.
[[nodiscard]] std::string Quote(std::string_view text);

// Whether `text` is well-formed UTF-8 without control characters.
[[nodiscard]] bool IsPlainText(std::string_view text);

}  // namespace evalrun::config

#endif  // EVALRUN_SERVICE_CONFIG_TEXT_H_
