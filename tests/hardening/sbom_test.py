# SPDX-License-Identifier: Apache-2.0
"""The bill of materials of the real gateway: sbom_test.py PROGRAM"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

SBOM = pathlib.Path(__file__).parents[2] / "deploy" / "sbom"


def main():
    program = sys.argv[1]
    if not shutil.which("dpkg"):
        return 77
    text = subprocess.run([SBOM, program], check=True, capture_output=True, text=True).stdout
    bill = json.loads(text)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == "evalrun-gateway"
    [hashed] = bill["metadata"]["component"]["hashes"]
    sha256 = subprocess.run(["sha256sum", program], check=True, capture_output=True, text=True)
    assert hashed["content"] == sha256.stdout.split()[0]

    # The libraries that it cannot run without, with the installed versions. Names depend on Debian's release.
    components = {one["name"]: one for one in bill["components"]}
    for pattern in (r"libc6", r"libcurl4(t64)?", r"libgrpc\+\+1\.\d+(t64)?", r"libgrpc\d+(t64)?",
                    r"libprotobuf\d+(t64)?", r"libssl3(t64)?", r"libstdc\+\+6", r"nlohmann-json3-dev"):
        [name] = [one for one in components if re.fullmatch(pattern, one)]
        installed = subprocess.run(["dpkg-query", "--show", "--showformat=${Version}", name],
                                   check=True, capture_output=True, text=True).stdout
        assert components[name]["version"] == installed, name
        assert re.match(r"pkg:deb/debian/", components[name]["purl"])

    # Every library that the loader resolves, without duplicates.
    [dependencies] = bill["dependencies"]
    references = [one["bom-ref"] for one in bill["components"]]
    assert dependencies["dependsOn"] == references == sorted(set(references))
    loaded = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    assert "not found" not in loaded
    assert len(components) <= loaded.count("=> /") + 3

    again = subprocess.run([SBOM, program], check=True, capture_output=True, text=True).stdout
    assert again == text, "the output is not reproducible"
    return 0


if __name__ == "__main__":
    sys.exit(main())
