"""Write the pickles of an installed version: `PYTHONPATH=CHECKOUT:. python tests/pickles/write.py FILE`."""

from __future__ import annotations

import base64
import json
import pickle
import sys
from pathlib import Path

from tests.pickles.examples import examples, stored

if __name__ == "__main__":
    values = {**examples(), "Stored": stored()}
    texts = {name: base64.b64encode(pickle.dumps(value)).decode() for name, value in values.items()}
    Path(sys.argv[1]).write_text(json.dumps(texts, indent=1) + "\n")
