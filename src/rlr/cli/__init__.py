"""The command `rlr`. Each command imports its room only when it runs."""
