"""How good the program is.

`runner` investigates labelled alerts (`labels`) of a world, `recorded` those of records (`record`, `replay`); `outcome` is
their loop, `scores` and `metrics` the figures, `result` what is stored, `compare` two of them, and `text`, `page` and `plots`
show them. `agreement` compares verdicts with what people did.
"""
