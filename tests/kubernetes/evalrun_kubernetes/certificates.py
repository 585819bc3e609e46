# SPDX-License-Identifier: Apache-2.0
"""Certificates of a certificate authority of the test, made with openssl, as Secrets. They have the extensions that Python 3.13
wants: it verifies strictly by RFC 5280."""

import base64
import pathlib
import subprocess
import tempfile

SERVICES = ("evalrun-gateway", "evalrun-gateway-headless", "evalrun-gateway-late")


class Authority:
    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self._openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                      "-subj", "/CN=test authority", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                      "-keyout", "ca.key", "-out", "ca.crt")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self._folder.name, check=True, capture_output=True)

    def _read(self, name):
        return base64.b64encode((pathlib.Path(self._folder.name) / name).read_bytes()).decode()

    def secret(self, name, usage, names):
        """A new certificate and key, as the Secret `name`."""
        alternatives = ",".join(f"DNS:{n}" for n in names)
        (pathlib.Path(self._folder.name) / "extensions").write_text(
            f"subjectAltName={alternatives}\nextendedKeyUsage={usage}\n"
            "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        self._openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                      "-keyout", "pair.key", "-out", "pair.csr")
        self._openssl("x509", "-req", "-in", "pair.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", "2", "-extfile", "extensions", "-out", "pair.crt")
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name},
                "data": {"tls.crt": self._read("pair.crt"), "tls.key": self._read("pair.key"), "ca.crt": self._read("ca.crt")}}

    def server(self):
        return self.secret("evalrun-gateway-tls", "serverAuth", SERVICES)

    def client(self):
        return self.secret("caller-tls", "clientAuth", ["caller.test"])
