"""How good the program is: labelled alerts, measures, comparison, calibration, replay."""
