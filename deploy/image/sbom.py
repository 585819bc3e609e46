"""sbom.py TITLE PACKAGE...: an SPDX 2.3 document of the Debian packages that an image holds something of."""

import datetime
import json
import os
import subprocess
import sys


def installed(packages):
    """(name, version, architecture, source) of each of them, as dpkg knows it."""
    listed = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Package} ${Version} ${Architecture} ${source:Package}\n", *packages],
        check=True, capture_output=True, text=True).stdout
    return sorted({tuple(line.split()) for line in listed.splitlines()})


def document(title, packages, created):
    described = [{
        "SPDXID": f"SPDXRef-{name.replace('+', '-plus')}",
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "sourceInfo": f"Debian source package {source}; its license is in /usr/share/doc/{name}/copyright",
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{name.replace('+', '%2B')}@{version.replace('+', '%2B')}"
                                f"?arch={architecture}&distro=debian-12",
        }],
    } for name, version, architecture, source in packages]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": title,
        "documentNamespace": f"https://spdx.org/spdxdocs/{title}-{created}",
        "creationInfo": {"created": created, "creators": [f"Tool: {os.path.basename(__file__)}"]},
        "packages": described,
        "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                           "relatedSpdxElement": package["SPDXID"]} for package in described],
    }


def main(title, *packages):
    created = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    json.dump(document(title, installed(packages), created.strftime("%Y-%m-%dT%H:%M:%SZ")), sys.stdout, indent=1)


main(*sys.argv[1:])
