#!/usr/bin/env bash
# Regenerates the committed bindings from the contract. Usage: proto/generate.sh PYTHON [OUT]
# PYTHON has grpcio-tools (the oldest supported), mypy-protobuf and protovalidate's wheel.
set -euo pipefail
cd "$(dirname "$0")"
python=$1 out=${2:-.}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$python" validate_image.py >"$work/validate.binpb"
PATH="$(dirname "$python"):$PATH" "$python" -m grpc_tools.protoc \
  --descriptor_set_in="$work/validate.binpb" --proto_path=. \
  --python_out="$out" --grpc_python_out="$out" --mypy_out="$out" --mypy_grpc_out="$out" \
  oncetold/v1/*.proto
