"""The stored results as tools of the Model Context Protocol, for a chat client or an editor (extra `mcp`).

`tools` reads the state database, `answer` writes a result with what others wrote between markers, `server` registers
the tools and guards them where they are served over HTTP.
"""
