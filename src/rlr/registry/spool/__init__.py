"""What a step tells of its run: first into a file beside its output, then to the tracking server.

`recorder` writes and never waits for a server; `sender` forwards from a thread; `sync` sends what
was left, later and from elsewhere.
"""
