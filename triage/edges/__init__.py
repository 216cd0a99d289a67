"""The only package that knows the outside: HTTP, databases, files, clocks.

`panther/` and `llm/` are the two APIs, over the client factory and retry policy of `http.py`; `store/` is the state
database; `prompts.py` renders the templates, `audit.py` keeps the log of writes.
"""
