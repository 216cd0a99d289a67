"""From Panther's alert lists to decided alerts in the store.

`poll` runs one poll: `windows` says what to read, `listing` reads it, `decide` and `selection` decide on each alert.
`preview` shows the decisions without storing anything.
"""
