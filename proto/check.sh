#!/usr/bin/env bash
# Checks the contract: layout, lint, what it would break, and that the committed bindings are what it generates.
# Usage: proto/check.sh PYTHON BUF [--update-baseline]
# PYTHON is that of the generation environment (codegen.lock); --update-baseline makes the present contract the
# one that later changes are compared with.
set -euo pipefail
cd "$(dirname "$0")"
python=$1 buf=$2 wish=${3:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" validate_image.py >"$work/validate.binpb"
build_image() { # the contract with its imports, as one descriptor set
  "$python" -m grpc_tools.protoc --descriptor_set_in="$work/validate.binpb" --proto_path=. --include_imports \
    --descriptor_set_out="$1" "${@:2}" oncetold/v1/*.proto
}

if [ "$wish" = --update-baseline ]; then
  build_image baseline.binpb
  echo "proto/baseline.binpb is now the present contract."
  exit
fi

echo "buf format"
for file in oncetold/v1/*.proto; do "$buf" format --diff --exit-code "$file"; done
echo "buf lint"
build_image "$work/image.binpb" --include_source_info
"$buf" lint "$work/image.binpb" --config buf.yaml
echo "buf breaking"
"$buf" breaking "$work/image.binpb" --against baseline.binpb --config buf.yaml
echo "generated code"
mkdir "$work/out"
bash generate.sh "$python" "$work/out"
diff --recursive --brief --exclude='*.proto' --exclude=__init__.py --exclude=__pycache__ --exclude=py.typed --exclude=six_words.txt \
  "$work/out/oncetold" oncetold || { echo "Run 'make generate' and commit what it writes." >&2; exit 1; }
echo "bindings load on the oldest supported grpcio and protobuf"
for file in oncetold/v1/*_pb2_grpc.py; do
  module=${file%.py}
  PYTHONDONTWRITEBYTECODE=1 "$python" -W error -c "import ${module//\//.}"
done
