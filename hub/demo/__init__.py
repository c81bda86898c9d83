"""The demo: a real hub, three invented agencies with their own small case systems, and one person's day.

Nothing in it is pretended: the hub serves mutual TLS, the adapters are processes of their own, and every
figure is read back from the partners' databases and the hub. If what is told is not found, the demo fails.
"""
