"""What a running process serves over HTTP: `/metrics`, `/healthz`, and the team's pages. Needs the extra `web`.

`server` listens, `metrics` counts. `access` says who a visitor is, `guard` holds every answer to the same rules, `forms`
reads what is sent, `pages` has the pages, `views` what they show.
"""
