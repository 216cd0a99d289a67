"""A scripted model beside a command that runs an event loop of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.llm import Script, ScriptedLlm


@contextmanager
def scripted_model(script: Script, *, probes: bool = False) -> Iterator[ScriptedLlm]:
    """Serve a script from a thread; see `ScriptedLlm`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="model", daemon=True)
    thread.start()
    server = ScriptedLlm(script, probes=probes)
    asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(10)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
