#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turns index.html into page.cc: embed.py INDEX_HTML PAGE_CC.

The page's one <style> and one <script> are allowed by their hashes, so that whatever else might get
into it does not run.
"""

import base64
import hashlib
import pathlib
import re
import sys

PARTS = 8000  # characters; compilers bound the length of a literal


def source(page, element):
    """The CSP source of the content of the page's only <element>."""
    [content] = re.findall(f"<{element}>(.*?)</{element}>", page, re.DOTALL)
    return "'sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode() + "'"


def main(index_html, page_cc):
    page = pathlib.Path(index_html).read_text(encoding="utf-8")
    policy = "; ".join([
        "default-src 'none'", "connect-src 'self'", "img-src data:",
        "script-src " + source(page, "script"), "style-src " + source(page, "style"),
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
        "require-trusted-types-for 'script'"])
    literals = "\n".join(f'    R"page({page[i:i + PARTS]})page"'
                         for i in range(0, len(page), PARTS))
    pathlib.Path(page_cc).write_text(f"""// Made from index.html by embed.py.
#include "service/admin/page/page.h"

namespace evalrun::admin {{

const std::string_view kPage =
{literals};
const std::string_view kPageContentSecurityPolicy =
    R"csp({policy})csp";

}}  // namespace evalrun::admin
""", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
