"""What takes the place of a part of a record that could not be kept whole. Readers of records look for these."""

CUT = " [cut]"
"""Appended to a text that was shortened."""
TOO_DEEP = "[cut: nested too deeply]"
"""In place of an object or list."""
NO_NUMBER = "[cut: not a number that JSON has]"
"""In place of NaN, Infinity, or a number of hundreds of digits."""
