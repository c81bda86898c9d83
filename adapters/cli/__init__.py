"""The `oncetold-adapter` command: settings in, sentences or JSON out."""

import os

# gRPC's own log lines are for its makers; this command says itself why a connection does not come about.
# Read once, at import, so it stands before anything imports gRPC.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
