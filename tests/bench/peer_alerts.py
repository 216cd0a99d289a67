"""Read all alerts with the client of `mcp-panther`: run by `ingest.py --peer`, in an environment that has that package.

Its tool for listing alerts is called page after page, 50 at a time, over the connection that its server would keep.
"""

import asyncio
import json
import os
import sys
import time


async def read(url: str, count: int) -> dict[str, float]:
    """Seconds, and seconds of processor time, for so many alerts."""
    os.environ |= {"PANTHER_INSTANCE_URL": url, "PANTHER_REST_API_URL": url, "PANTHER_API_TOKEN": "token"}
    import aiohttp  # noqa: PLC0415 - of the peer's environment, like what follows
    from mcp_panther.panther_mcp_core import client  # noqa: PLC0415
    from mcp_panther.panther_mcp_core.tools.alerts import list_alerts  # noqa: PLC0415

    async with aiohttp.ClientSession() as session:
        client._rest_session = session  # what its server does when it starts
        await list_alerts(page_size=1)  # connect
        start, processor = time.perf_counter(), time.process_time()
        cursor, seen = None, 0
        while True:
            page = await list_alerts(page_size=50, cursor=cursor)
            seen += len(page["alerts"])
            if not page["has_next_page"]:
                break
            cursor = page["end_cursor"]
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
    if seen != count:
        raise SystemExit(f"the peer read {seen} of {count} alerts")
    return {"seconds": seconds, "processor": processor}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(read(sys.argv[1], int(sys.argv[2])))))
