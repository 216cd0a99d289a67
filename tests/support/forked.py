"""Processes of tests that are killed, or that lack something. One process imports everything; each of them is a fork
of it, which takes milliseconds instead of a second and a half."""

import multiprocessing

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(["pytest", "tests.support.stores"])
