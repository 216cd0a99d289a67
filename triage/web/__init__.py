"""What a running process serves over HTTP: `/metrics`, `/healthz`, and the team's pages. Needs the extra `web`.

`server` listens, `metrics` counts. Of the pages, `access` says who a visitor is, `guard` holds every answer to the same
rules, `forms` reads what is sent, `site` has the frame and lets people in and out, `pages` has the pages, `listing` the
queue's, and `views` what they show.
"""
