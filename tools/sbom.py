#!/usr/bin/env python3
"""Writes what the command line of a build tree is made of, as SPDX 2.3 in JSON: sbom.py BUILD FILE.

Nothing is listed by hand. The headers that its objects were compiled from are those of `ninja -t deps`, the libraries that it loads
those of `ldd`; dpkg says which package each is of. The same build gives the same bytes; the time is SOURCE_DATE_EPOCH, or 1970."""

import collections
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def objects_of(build, program):
    """All objects that the program is linked from, archives included."""
    inputs = output_of("ninja", "-C", build, "-t", "inputs", program).split()
    return {name for name in inputs if name.endswith(".o")}


def headers_of(build, objects):
    """The system's headers among their dependencies."""
    found, wanted = set(), False
    for line in output_of("ninja", "-C", build, "-t", "deps").splitlines():
        if line and not line.startswith(" "):
            wanted = line.split(":")[0] in objects
        elif wanted and line.strip().startswith("/"):
            found.add(os.path.realpath(line.strip()))
    return {path for path in found if not pathlib.Path(path).is_relative_to(ROOT)}


def libraries_of(binary):
    return {os.path.realpath(path) for path in re.findall(r"=> (/\S+)", output_of("ldd", binary))}


def packages_of(paths):
    """The Debian package of each file that is of one; dpkg knows some files by the names from before /usr was merged."""
    names = {name for path in paths for name in (path, path.removeprefix("/usr"))}
    listed = subprocess.run(["dpkg-query", "-S", *sorted(names)], capture_output=True, text=True).stdout
    found = {}
    for line in listed.splitlines():
        package, _, path = line.partition(": ")
        found[path] = package.split(",")[0].split(":")[0]
    return {found.get(path) or found.get(path.removeprefix("/usr")) for path in paths} - {None}


def facts_of(package):
    form = "${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Homepage}\t${Maintainer}\n"
    keys = ("version", "architecture", "source", "source_version", "homepage", "maintainer")
    # Of several architectures the first, which is the machine's own.
    return dict(zip(keys, output_of("dpkg-query", "-W", "-f", form, package).splitlines()[0].split("\t")))


def entry_of(package, facts):
    name = facts["source"] or package
    locator = f"pkg:deb/debian/{package}@{facts['version'].replace('+', '%2B').replace('~', '~')}?arch={facts['architecture']}"
    return {
        "SPDXID": f"SPDXRef-{re.sub(r'[^A-Za-z0-9.-]', '-', package)}",
        "name": package,
        "versionInfo": facts["version"],
        "supplier": f"Organization: {facts['maintainer']}",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "homepage": facts["homepage"] or "NOASSERTION",
        "sourceInfo": f"built from: {name} {facts['source_version']}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "comment": f"licenses: /usr/share/doc/{package}/copyright",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}],
    }


def document_of(build):
    program = "cli/costate"
    version = output_of(build / program, "--version").split()[1]
    used = collections.defaultdict(set)
    for package in packages_of(headers_of(build, objects_of(build, program))):
        used[package].add("BUILD_DEPENDENCY_OF")
    for package in packages_of(libraries_of(build / program)):
        used[package].add("DYNAMIC_LINK")
    entries = [entry_of(package, facts_of(package)) for package in sorted(used)]
    ours = {"SPDXID": "SPDXRef-costate", "name": "costate", "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "The Costate authors",
            "primaryPackagePurpose": "APPLICATION"}
    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": ours["SPDXID"]}]
    for package, entry in zip(sorted(used), entries):
        for kind in sorted(used[package]):
            ends = (ours["SPDXID"], entry["SPDXID"]) if kind == "DYNAMIC_LINK" else (entry["SPDXID"], ours["SPDXID"])
            relations.append({"spdxElementId": ends[0], "relationshipType": kind, "relatedSpdxElement": ends[1]})
    moment = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", 0)), datetime.timezone.utc)
    digest = hashlib.sha256(json.dumps([entries, version]).encode()).hexdigest()
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"costate-{version}",
        "documentNamespace": f"urn:costate:sbom:{version}:{digest}",
        "creationInfo": {"created": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": [f"Tool: costate-sbom-{version}"]},
        "packages": [ours, *entries],
        "relationships": relations,
    }


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: sbom.py BUILD FILE")
    pathlib.Path(sys.argv[2]).write_text(json.dumps(document_of(pathlib.Path(sys.argv[1]).resolve()), indent=1) + "\n")
