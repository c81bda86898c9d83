"""The hub: accepts, keeps, decides and delivers. Connections only ever run from an adapter to it."""

import os

# TLS 1.3 alone (RFC 8446). gRPC for Python has no setting for the least version, but when it is imported it
# reads here which suites of TLS 1.2 and older it may use: one that needs a shared secret, which nobody has.
os.environ["GRPC_SSL_CIPHER_SUITES"] = "ECDHE-PSK-CHACHA20-POLY1305"
