"""One alert through all stages, each effect journalled; the comment, linked alerts, spending, calibration."""
