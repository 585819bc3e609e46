# SPDX-License-Identifier: Apache-2.0
"""A stand-in for kubectl that keeps one ConfigMap, with one key: a file of the gateway."""

_SCRIPT = """#!/bin/bash
set -euo pipefail
readonly mounted='{mounted}'
case "$*" in
  "-n evalrun get configmap {config_map} -o jsonpath={{.data.{escaped_key}}}") cat "$mounted" ;;
  "-n evalrun create configmap {config_map} --from-file={key} --dry-run=client -o yaml") cat {key} ;;
  "-n evalrun create configmap {config_map} --from-file={key}") cp {key} "$mounted" ;;
  "apply --server-side --force-conflicts -f -") cat > "$mounted.next"; mv "$mounted.next" "$mounted" ;;
  "-n evalrun annotate pods -l app.kubernetes.io/name=evalrun-gateway evalrun-gateway/reloaded="*" --overwrite") ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


def write(path, config_map, key, mounted):
    """Writes the stand-in to `path`. `mounted` is where the gateway has the file."""
    path.parent.mkdir()
    path.write_text(_SCRIPT.format(config_map=config_map, key=key, mounted=mounted,
                                   escaped_key=key.replace(".", "\\.")))
    path.chmod(0o755)
