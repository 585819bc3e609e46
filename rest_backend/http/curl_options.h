// SPDX-License-Identifier: Apache-2.0
//
// File: curl_options.h
//
// curl_easy_setopt() with the checks that it lacks.
#ifndef EVALRUN_REST_BACKEND_HTTP_CURL_OPTIONS_H_
#define EVALRUN_REST_BACKEND_HTTP_CURL_OPTIONS_H_

#include <type_traits>

#include <curl/curl.h>

namespace evalrun::http {

// Sets options of one easy handle, and remembers the first error. `easy` outlives this object.
class CurlOptions {
 public:
  explicit CurlOptions(CURL* easy) : easy_(easy) {}

  // Setting fails without memory, for an option that this libcurl does not have, and for a value
  // that it rejects.
  template <CURLoption kOption, typename Value>
  void Set(Value value) {
    // curl_easy_setopt() is variadic: an int would be read as a long.
    static_assert(kOption >= CURLOPTTYPE_OBJECTPOINT || std::is_same_v<Value, long>,
                  "options that are numbers take a long");
    static_assert(kOption < CURLOPTTYPE_OBJECTPOINT || kOption >= CURLOPTTYPE_OFF_T ||
                      std::is_pointer_v<Value>,
                  "options that are no numbers take a pointer");
    const CURLcode code = curl_easy_setopt(easy_, kOption, value);
    if (code_ == CURLE_OK) code_ = code;
  }

  // CURLE_OK when all options were set.
  [[nodiscard]] CURLcode code() const { return code_; }

 private:
  CURL* easy_;
  CURLcode code_ = CURLE_OK;
};

}  // namespace evalrun::http

#endif  // EVALRUN_REST_BACKEND_HTTP_CURL_OPTIONS_H_
