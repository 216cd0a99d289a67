"""What an investigation reads like: the comment, the page, the terminal, JSON, and the summary of a shift.

`acts` gathers what was done (`act_sources` reads it from events and answers), `story` tells it in a few lines, `claim` says what it amounts to and what to
do next. `view` decides what is shown of an investigation and in which words (`wording`, `evidence_view`, `flag_view`);
`comment`, `page` and the terminal lay it out. `records` is JSON and CSV, `shift` the summary of a shift, `timeline` the
page's drawing, `statement` SQL that can be pasted.

Each is imported by its own name: a list of alerts needs one of them, and they take long together.
"""
