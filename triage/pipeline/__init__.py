"""One alert through all stages, each effect journalled.

`run` strings the stages together, from the `parts` it is given; `linked` handles an alert that takes another's verdict.
`publisher` writes results to Panther, `spending` books model calls, `calibration` keeps the fit of confidences, `current`
reads an alert again, `judgement` verifies and decides, `single` claims one alert by its id.
"""
