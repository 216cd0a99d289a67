"""`triage eval run` with a scripted model in place of a real one: `python -m tests.bench.eval_scripted [EVAL OPTIONS]`.

The script is a recipe, not an analyst: it calls every alert suspicious and cites values of its first event. The figures
show what the program makes of such a model, and what the loop costs; nothing about a language model.
"""

import os
import sys

from tests.support.background import scripted_model
from tests.support.llm import cite_first_event
from triage.cli import main

if __name__ == "__main__":
    with scripted_model(cite_first_event()) as model:
        os.environ["OPENAI_BASE_URL"] = model.url
        os.environ["OPENAI_MODEL"] = "scripted-1"
        sys.argv = ["triage", "eval", *sys.argv[1:]]
        main()
