# SPDX-License-Identifier: Apache-2.0
"""Certificates, made with the program openssl."""

import collections
import datetime
import itertools
import os
import shutil
import subprocess

Pair = collections.namedtuple("Pair", "certificate key")  # paths of files in PEM

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class Authority:
    """A certificate authority. Its files and those of its certificates are in `folder`."""

    def __init__(self, folder, name):
        self._folder = folder
        self._numbers = itertools.count()
        self.certificate = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        _openssl("req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.certificate,
                 "-subj", f"/CN={name}", "-days", "2", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, *names, days=2, subject=None):
        """Issues a certificate with the common name `name` and the subject alternative names
        `names`, such as `DNS:a.test` and `URI:spiffe://test/a`. It expires in `days` days: -1 is
        yesterday. `subject`: instead of the common name."""
        file = self._folder / f"{name}-{next(self._numbers)}"
        pair = Pair(file.with_suffix(".pem"), file.with_suffix(".key"))
        request, extensions = file.with_suffix(".csr"), file.with_suffix(".ext")
        # Python 3.13 verifies by RFC 5280 to the letter.
        extensions.write_text("subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
                              + ("subjectAltName=" + ",".join(names) if names else ""))
        _openssl("req", *_NEW_KEY, "-keyout", pair.key, "-out", request, "-subj",
                 subject or f"/CN={name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key,
                 "-CAcreateserial", "-out", pair.certificate, *_validity(days),
                 "-extfile", extensions)
        return pair


class Mount:
    """A folder laid out like a Secret that Kubernetes mounts: each file is a link through `..data`,
    and one rename of that link replaces all files."""

    def __init__(self, folder, **files):
        self.folder = folder
        self._numbers = itertools.count()
        folder.mkdir()
        for name in files:
            (folder / name).symlink_to(f"..data/{name}")
        self.put(**files)

    def put(self, **files):
        """Replaces all files in one step, by `name=path of a file to copy`."""
        version = self.folder / f"..{next(self._numbers)}"
        version.mkdir()
        for name, path in files.items():
            shutil.copy(path, version / name)
        link = self.folder / "..data_tmp"
        link.symlink_to(version.name)
        os.replace(link, self.folder / "..data")

    def path(self, name):
        return self.folder / name


def _validity(days):
    """Arguments for a certificate that expires in `days` days. OpenSSL 3.5 refuses a negative number; the options that
    it has instead are not in 3.0."""
    if days >= 0 or "-not_after" not in _openssl("x509", "-help"):
        return "-days", days
    end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    begin = end - datetime.timedelta(days=1)
    return "-not_before", f"{begin:%Y%m%d%H%M%SZ}", "-not_after", f"{end:%Y%m%d%H%M%SZ}"


def _openssl(*arguments):
    """What it writes."""
    done = subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True)
    return done.stdout + done.stderr
