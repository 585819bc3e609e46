// SPDX-License-Identifier: Apache-2.0
//
// File: host_name.h
//
// Which hosts a name server is asked for.
#ifndef EVALRUN_REST_BACKEND_DNS_HOST_NAME_H_
#define EVALRUN_REST_BACKEND_DNS_HOST_NAME_H_

#include <string>

namespace evalrun::dns {

// False for an IP address (an IPv6 address without brackets) and for `localhost`, whose addresses
// are known without a name server (RFC 6761). Pure.
[[nodiscard]] bool NeedsNameServer(const std::string& host);

}  // namespace evalrun::dns

#endif  // EVALRUN_REST_BACKEND_DNS_HOST_NAME_H_
