"""Frozen values and pure rules. Nothing here waits, reads a clock or knows a library of the outside."""
