# SPDX-License-Identifier: Apache-2.0
"""As much of the Kubernetes API as `lookup` in a chart needs: discovery, and one Deployment."""

import contextlib
import http.server
import json
import threading


@contextlib.contextmanager
def serve(deployment):
    """Serves it on a port of the loopback interface, and gives the URL."""
    name, namespace = (deployment["metadata"][key] for key in ("name", "namespace"))
    version = {"groupVersion": "apps/v1", "version": "v1"}
    answers = {
        "/version": {"major": "1", "minor": "30", "gitVersion": "v1.30.0"},
        "/api": {"kind": "APIVersions", "versions": []},
        "/apis": {"kind": "APIGroupList", "apiVersion": "v1",
                  "groups": [{"name": "apps", "versions": [version], "preferredVersion": version}]},
        "/apis/apps/v1": {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "apps/v1", "resources": [
            {"name": "deployments", "singularName": "deployment", "namespaced": True, "kind": "Deployment", "verbs": ["get"]}]},
        f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}": deployment,
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802, the name is the library's
            answer = answers.get(self.path.split("?")[0])
            body = json.dumps(answer or {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404,
                                         "reason": "NotFound"}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
