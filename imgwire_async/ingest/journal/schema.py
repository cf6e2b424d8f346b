"""The tables of a journal. Derivable values are not stored, and values that rows share are stored once.

A row of a million URLs or objects takes about a hundred bytes, most of them its key and its hashes. The view
`items` shows the rows in words, for other tools.
"""

from __future__ import annotations

from typing import Final

JOB: Final = "CREATE TABLE job (name TEXT NOT NULL, runs INTEGER NOT NULL, pace TEXT)"
"""Exists in all formats. pace: class → [rate, time]"""

ITEMS: Final = (
    # kind: 0 for places, 1 for forms of URLs, 2 for parameters; see compact.py and shared.py
    "CREATE TABLE shared (kind INTEGER, number INTEGER, value, PRIMARY KEY (kind, number)) WITHOUT ROWID",
    "INSERT INTO shared VALUES (0, 0, '')",
    # See compact.py. The order of the columns is that of COLUMNS.
    """CREATE TABLE compact_items (
        place INTEGER, name TEXT, state INTEGER NOT NULL, run INTEGER NOT NULL, size INTEGER, version,
        sha256 BLOB, idempotency_key, image, url, source_place INTEGER, source_name TEXT,
        attempts INTEGER NOT NULL, parameters, failure TEXT, note TEXT,
        PRIMARY KEY (place, name)
    ) WITHOUT ROWID""",
    "CREATE INDEX items_failed ON compact_items (place, name) WHERE state = 4",
    # Kept by triggers, so that every change to a row updates them in the same transaction.
    "CREATE TABLE counts (state INTEGER PRIMARY KEY, items INTEGER NOT NULL, bytes INTEGER NOT NULL)",
    "INSERT INTO counts VALUES (0, 0, 0), (1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0)",
    """CREATE TRIGGER counts_new AFTER INSERT ON compact_items BEGIN
        UPDATE counts SET items = items + 1, bytes = bytes + ifnull(NEW.size, 0) WHERE state = NEW.state;
    END""",
    """CREATE TRIGGER counts_changed AFTER UPDATE ON compact_items
    WHEN OLD.state != NEW.state OR OLD.size IS NOT NEW.size BEGIN
        UPDATE counts SET items = items - 1, bytes = bytes - ifnull(OLD.size, 0) WHERE state = OLD.state;
        UPDATE counts SET items = items + 1, bytes = bytes + ifnull(NEW.size, 0) WHERE state = NEW.state;
    END""",
    """CREATE TRIGGER counts_gone AFTER DELETE ON compact_items BEGIN
        UPDATE counts SET items = items - 1, bytes = bytes - ifnull(OLD.size, 0) WHERE state = OLD.state;
    END""",
    # started: seconds since the epoch, a multiple of SLOT
    """CREATE TABLE throughput (
        started INTEGER PRIMARY KEY, stored INTEGER NOT NULL, skipped INTEGER NOT NULL,
        failed INTEGER NOT NULL, bytes INTEGER NOT NULL
    )""",
    "CREATE TABLE last_failures (number INTEGER PRIMARY KEY, place INTEGER, name TEXT, at REAL)",
    """CREATE VIEW items AS SELECT
        place.value || name AS key,
        ifnull(source_place.value, '') || ifnull(source_name, place.value || name) AS source,
        CASE state WHEN 0 THEN 'keyed' WHEN 1 THEN 'stored' WHEN 2 THEN 'ready' WHEN 3 THEN 'skipped'
            WHEN 4 THEN 'failed' END AS state,
        run, size,
        CASE typeof(version) WHEN 'blob' THEN lower(hex(version)) ELSE CAST(version AS TEXT) END AS version,
        sha256,
        CASE typeof(image)
            WHEN 'integer' THEN place.value || name
            WHEN 'blob' THEN CASE WHEN image != zeroblob(16) THEN
                lower(substr(hex(image), 1, 8) || '-' || substr(hex(image), 9, 4) || '-' ||
                    substr(hex(image), 13, 4) || '-' || substr(hex(image), 17, 4) || '-' ||
                    substr(hex(image), 21)) END
            ELSE image END AS image_id,
        attempts, json_extract(failure, '$[0]') AS error_type, json_extract(failure, '$[1]') AS error,
        json_extract(failure, '$[2]') AS item, note
    FROM compact_items
    JOIN shared AS place ON place.kind = 0 AND place.number = compact_items.place
    LEFT JOIN shared AS source_place ON source_place.kind = 0 AND source_place.number = source_place""",
)
"""The tables that hold the items in format 5."""

CONTENT_INDEX: Final = (
    "CREATE INDEX IF NOT EXISTS items_by_content ON compact_items (substr(sha256, 1, 8)) "
    "WHERE sha256 IS NOT NULL"
)
"""Only for jobs that detect equal content: it takes more than half as much space as the rows."""

# Missing in journals of earlier versions, which record neither their service nor their source.
# binding: see binding.py · resume: see resuming.py
# outputs: JSON array with the paths of the files that the job has written
# manifests: JSON array with the names of the manifests that an export has written
ABOUT: Final = "CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
