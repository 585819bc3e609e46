// SPDX-License-Identifier: Apache-2.0
//
// File: httplib_stream.h
//
// The one place for what differs between the versions of cpp-httplib: 0.11 to 0.41.
#ifndef EVALRUN_REST_BACKEND_SERVER_HTTPLIB_STREAM_H_
#define EVALRUN_REST_BACKEND_SERVER_HTTPLIB_STREAM_H_

#include <ctime>

#include <httplib.h>

namespace evalrun::backend {

// What a version of cpp-httplib asks of a stream beyond what all do. Each function overrides one of
// some versions, and none of others.
class HttplibStream : public httplib::Stream {
 public:
  virtual bool is_writable() const { return true; }             // NOLINT: until 0.18
  virtual bool wait_readable() const { return is_readable(); }  // NOLINT: later
  virtual bool wait_writable() const { return true; }           // NOLINT: later
  virtual std::time_t duration() const { return 0; }            // NOLINT: later
};

}  // namespace evalrun::backend

#endif  // EVALRUN_REST_BACKEND_SERVER_HTTPLIB_STREAM_H_
