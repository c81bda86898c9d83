"""England's draft standard for multi-agency information sharing (MAIS 0.1 of October 2025), at our edge.

Agreements are read and written in its SharingPolicy, requests are judged in its words.
"""
