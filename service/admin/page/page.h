// SPDX-License-Identifier: Apache-2.0
//
// File: page.h
//
// The page that shows one replica to its operators: index.html, as embed.py compiled it in.
#ifndef EVALRUN_SERVICE_ADMIN_PAGE_PAGE_H_
#define EVALRUN_SERVICE_ADMIN_PAGE_PAGE_H_

#include <string_view>

namespace evalrun::admin {

extern const std::string_view kPage;
// Lets the page run its own script and style, known by their hashes, and ask this port: nothing
// else.
extern const std::string_view kPageContentSecurityPolicy;

}  // namespace evalrun::admin

#endif  // EVALRUN_SERVICE_ADMIN_PAGE_PAGE_H_
