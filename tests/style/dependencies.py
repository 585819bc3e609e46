#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks which folders of C++ code include which.

    dependencies.py [ROOT]

ROOT is the top of the repository by default. The rules:

  - A folder includes only what ALLOWED lists for it. Files directly in service/ (main.cc and what wires
    the parts together) may include everything, and no folder may include them.
  - ALLOWED is the table in ARCHITECTURE.md, between `<!-- dependencies -->` and `<!-- /dependencies -->`.
  - There is no cycle between folders, nor between files. A .h and its .cc count as one file, because
    the two together are one unit of the design. A main.cc belongs to no folder.
  - The folders in PURE include no header of gRPC, libcurl or sockets themselves.
  - Only one file outside service/grpc_hooks includes a header of it.

Exit status: 0 when all rules hold, otherwise 1, with one line for each violation.
"""

import collections
import pathlib
import re
import sys

EVERYTHING = "everything"

# Folder: what its files may include besides the folder itself. Subfolders belong to their folder.
ALLOWED = {
    "rest_backend/deletion": (),
    "rest_backend/dns": (),
    "rest_backend/http": ("rest_backend/deletion", "rest_backend/dns"),
    "rest_backend/server": ("rest_backend/deletion",),
    "service": EVERYTHING,
    "service/admin": ("service/net",),
    "service/authz": ("rest_backend/deletion",),
    "service/cli": ("rest_backend/deletion", "service/process", "service/text", "service/tls"),
    "service/config": ("rest_backend/deletion", "rest_backend/http", "service/authz", "service/ratelimit",
                       "service/text", "service/tls"),
    "service/event_loop": ("service/net",),
    "service/grpc_adapter": ("rest_backend/deletion", "rest_backend/http", "service/authz",
                             "service/event_loop", "service/grpc_hooks", "service/handler", "service/net",
                             "service/observability", "service/ratelimit", "service/tls"),
    "service/grpc_hooks": ("service/event_loop", "service/net"),
    "service/handler": ("rest_backend/deletion", "service/authz", "service/observability",
                        "service/ratelimit"),
    "service/net": (),
    "service/observability": ("rest_backend/deletion", "service/authz"),
    "service/process": (),
    "service/ratelimit": ("rest_backend/dns", "rest_backend/http", "service/authz", "service/observability",
                          "service/tls"),
    "service/reload": ("rest_backend/http", "service/authz", "service/config", "service/observability", "service/tls"),
    "service/text": (),
    "service/tls": (),
    "service/tracing": ("rest_backend/deletion", "rest_backend/http", "service/authz", "service/handler",
                        "service/observability"),
}

PURE = ("rest_backend/deletion", "service/authz", "service/handler")
# <arpa/inet.h> and <netinet/in.h> are not listed: parsing an IP address needs them.
IMPURE_HEADER = re.compile(r"grpc/|grpcpp/|grpc\+\+/|.*\.grpc\.pb\.h$|curl/|sys/socket\.h|sys/epoll\.h|"
                           r"sys/un\.h|poll\.h|netinet/tcp\.h|netdb\.h")

HOOKS = "service/grpc_hooks"

# Where quoted includes of generated code begin: the public .proto, those that gRPC defines, and OTLP.
GENERATED = ("aymara/", "google/", "grpc/", "opentelemetry/")

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
_MARKED = re.compile(r"<!-- dependencies -->(.*)<!-- /dependencies -->", re.DOTALL)


def read_includes(root):
    """{file: [(is_quoted, header)]} of all C++ files of rest_backend/ and service/, by path from `root`."""
    return {str(path.relative_to(root)): [(quote == '"', header) for quote, header in
                                          _INCLUDE.findall(path.read_text(encoding="utf-8"))]
            for top in ("rest_backend", "service") for path in sorted((root / top).rglob("*"))
            if path.suffix in (".cc", ".h")}


def directory(file):
    return file.rpartition("/")[0]


def folder(file):
    """The row of the table that a file belongs to."""
    return "/".join(directory(file).split("/")[:2])


def unit(file):
    """A .h and its .cc are one unit."""
    return re.sub(r"\.(cc|h)$", "", file)


def check_table(includes):
    for name in sorted({folder(file) for file in includes} - ALLOWED.keys()):
        yield f"{name} is not in the table of dependencies.py"
    for name in sorted(ALLOWED.keys() - {folder(file) for file in includes}):
        yield f"{name} is in the table of dependencies.py and has no files"
    for file, headers in includes.items():
        allowed = ALLOWED.get(folder(file), ())
        for is_quoted, header in headers:
            if not is_quoted or folder(header) == folder(file):
                continue
            if not header.startswith(("rest_backend/", "service/")):
                if not header.startswith(GENERATED) or file.startswith("rest_backend/"):
                    yield f'{file} includes "{header}", which is neither a path from the top nor generated'
            elif allowed != EVERYTHING and folder(header) not in allowed:
                yield f"{file} includes {header}: {folder(file)} may not use {folder(header)}"


def check_pure(includes):
    for file, headers in includes.items():
        for _, header in headers:
            if folder(file) in PURE and IMPURE_HEADER.match(header):
                yield f"{file} includes {header}: {folder(file)} knows no gRPC, libcurl or sockets"


def check_hooks(includes):
    users = [file for file, headers in includes.items() if folder(file) != HOOKS
             and any(is_quoted and folder(header) == HOOKS for is_quoted, header in headers)]
    if len(users) > 1:
        yield f"only one file may include {HOOKS}, and these do: {', '.join(users)}"


def find_cycle(edges):
    """A cycle as a list of nodes that begins and ends with the same one; None if there is none."""
    path, finished = [], set()

    def visit(node):
        if node in path:
            return [*path[path.index(node):], node]
        if node in finished:
            return None
        path.append(node)
        for following in sorted(edges.get(node, ())):
            if cycle := visit(following):
                return cycle
        finished.add(path.pop())
        return None

    return next(filter(None, map(visit, sorted(edges))), None)


def check_cycles(includes):
    """Reports every cycle once: its last edge is removed before the next one is looked for."""
    of_directories, of_units = collections.defaultdict(set), collections.defaultdict(set)
    for file, headers in includes.items():
        for is_quoted, header in headers:
            if not is_quoted:
                continue
            if directory(header) != directory(file) and not file.endswith("/main.cc"):
                of_directories[directory(file)].add(directory(header))
            if unit(header) != unit(file):
                of_units[unit(file)].add(unit(header))
    for what, edges in (("folders", of_directories), ("files", of_units)):
        while cycle := find_cycle(edges):
            yield f"a cycle of {what}: {' -> '.join(cycle)}"
            edges[cycle[-2]].remove(cycle[-1])


def read_documented_table(text):
    """{folder: what it may use} of the marked table in Markdown. ValueError: there is none.

    The second column is a list of folders with commas in between, `nothing` or `everything`. Links
    and code formatting do not matter.
    """
    marked = _MARKED.search(text)
    if not marked:
        raise ValueError("there is no table between <!-- dependencies --> and <!-- /dependencies -->")
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", marked.group(1)).replace("`", "")
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
            for line in plain.splitlines() if line.strip().startswith("|")]
    table = {}
    for name, *cells in rows[2:]:  # after the header and the line below it
        uses = [] if cells[0] == "nothing" else [use.strip().rstrip("/") for use in cells[0].split(",")]
        table[name.rstrip("/")] = EVERYTHING if uses == [EVERYTHING] else tuple(sorted(uses))
    return table


def check_documentation(root):
    try:
        documented = read_documented_table((root / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        yield f"ARCHITECTURE.md: {error}"
        return
    for name in sorted(ALLOWED.keys() | documented.keys()):
        checked, written = ALLOWED.get(name), documented.get(name)
        if written != (checked if checked in (None, EVERYTHING) else tuple(sorted(checked))):
            yield f"{name}: ARCHITECTURE.md says {written}, and dependencies.py says {checked}"


def violations(root):
    includes = read_includes(root)
    if not includes:
        yield f"no C++ files in {root}: this check would check nothing"
    yield from check_table(includes)
    yield from check_pure(includes)
    yield from check_hooks(includes)
    yield from check_cycles(includes)
    yield from check_documentation(root)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parents[2])
    found = list(violations(root))
    print("\n".join(found) or "All dependencies are allowed.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
