// SPDX-License-Identifier: Apache-2.0

#include "rest_backend/http/tls_material.h"

#include <cstring>

namespace evalrun::http {

TlsMaterial::~TlsMaterial() {
  // Does not allocate: the string grows into the memory that it has, which is then overwritten.
  private_key.resize(private_key.capacity());
  // Unlike memset, it is not optimized away before the memory is freed.
  explicit_bzero(private_key.data(), private_key.size());
}

}  // namespace evalrun::http
