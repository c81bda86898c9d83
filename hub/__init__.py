"""The hub: accepts, keeps, decides and delivers. Connections only ever run from an adapter to it."""
