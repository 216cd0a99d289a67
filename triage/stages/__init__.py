"""The rooms an alert passes through, in the order of `pipeline.py`. They never import each other, nor an edge."""
