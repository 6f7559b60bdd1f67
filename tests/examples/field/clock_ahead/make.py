"""Write a day's file whose last records lie some seconds ahead of this machine's clock: make.py FOLDER [SECONDS]."""

import json
import sys
import time
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

folder, ahead = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4
now = int(time.time())
day = datetime.fromtimestamp(now, ZoneInfo("America/New_York")).date()
folder.mkdir(parents=True, exist_ok=True)
ladder = [[25400.5, 1.5, 2.5, [1.0, 1.0, 1.0, 1.0, 1.0]]]
records = [
    {
        "timestamp": second,
        "ticker": "NQ_NDX",
        "spot": 25410.25,
        "strikes": ladder,
        "sum_gex_vol": 1.5,
        "sum_gex_oi": 2.5,
    }
    for second in range(now - 10 + ahead, now + ahead + 1)
]
name = f"{day}_NQ_NDX_classic_gex_zero.jsonl"
(folder / name).write_text("".join(json.dumps(record) + "\n" for record in records))
