#!/usr/bin/env bash
# Writes what a hub and an adapter are made of, from their locks, as CycloneDX: one file each, the same bytes every
# time for the same locks.
#
# Usage: deploy/sbom.sh DIRECTORY-WITH-cyclonedx-py OUTPUT-FOLDER
set -euo pipefail

tools=$1
output=$2
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$output"
for part in hub adapter; do
  # The lock says what is installed and not who asked for it, which the tool warns of.
  PYTHONWARNINGS=ignore "$tools/cyclonedx-py" requirements "$here/$part.lock" \
    --pyproject "$here/../pyproject.toml" \
    --output-reproducible --spec-version 1.6 --output-format JSON \
    --output-file "$output/oncetold-$part.cdx.json"
done
