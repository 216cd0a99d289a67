"""The file behind the exports of assets and risks: alerts read so far, their assets, and what was delivered.

One SQLite file, held by one process at a time. Each page of alerts and how far the reading has come are one transaction,
so a kill between two of them loses nothing and repeats nothing. What a run delivers is first listed as pending; it counts
as delivered once it is on stdout, or in its file under its name.
"""

from triage.edges.exposure.exposure_file import ExposureFile

__all__ = ["ExposureFile"]
