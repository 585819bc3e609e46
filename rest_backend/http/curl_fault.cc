// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/curl_fault.h"

namespace evalrun::http {

deletion::Fault ToFault(CURLcode code) {
  // In the order of libcurl's error page.
  switch (code) {
    case CURLE_OK:
      return deletion::Fault::kNone;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
      return deletion::Fault::kResolve;
    case CURLE_COULDNT_CONNECT:
      return deletion::Fault::kConnect;
    case CURLE_WEIRD_SERVER_REPLY:
      return deletion::Fault::kProtocol;
    case CURLE_PARTIAL_FILE:
      return deletion::Fault::kConnectionLost;
    case CURLE_WRITE_ERROR:  // our own header callback: too many bytes
      return deletion::Fault::kTooLarge;
    case CURLE_OUT_OF_MEMORY:  // a header line, or the status line, beyond what libcurl keeps
      return deletion::Fault::kTooLarge;
    case CURLE_OPERATION_TIMEDOUT:
      return deletion::Fault::kTimeout;
    case CURLE_SSL_CONNECT_ERROR:
      return deletion::Fault::kTls;
    case CURLE_ABORTED_BY_CALLBACK:  // our own PREREQFUNCTION suppressed a retry of libcurl
      return deletion::Fault::kConnectionLost;
    case CURLE_INTERFACE_FAILED:
      return deletion::Fault::kConnect;
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return deletion::Fault::kConnectionLost;
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
      return deletion::Fault::kTls;
    case CURLE_BAD_CONTENT_ENCODING:
      return deletion::Fault::kProtocol;
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return deletion::Fault::kTls;
    case CURLE_NO_CONNECTION_AVAILABLE:
      return deletion::Fault::kConnect;
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return deletion::Fault::kTls;
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_HTTP3:
      return deletion::Fault::kProtocol;
    case CURLE_QUIC_CONNECT_ERROR:
    case CURLE_PROXY:
      return deletion::Fault::kConnect;
    case CURLE_SSL_CLIENTCERT:
      return deletion::Fault::kTls;
    case CURLE_UNSUPPORTED_PROTOCOL:  // "HTTP/0.9 is not allowed": the response has no status line
      return deletion::Fault::kProtocol;
#if LIBCURL_VERSION_NUM >= 0x080600
    case CURLE_TOO_LARGE:  // what is CURLE_OUT_OF_MEMORY in older versions
      return deletion::Fault::kTooLarge;
#endif
    default:
      return deletion::Fault::kInternal;
  }
}

}  // namespace evalrun::http
