"""The limit's SQL."""

COLUMNS = ("id", "service", "environment", "status", "version", "title", "description", "url", "actor", "started_at",
    "extra")  # fmt: skip
SELECT = ", ".join(COLUMNS)
INSERT = """
INSERT INTO deploy (service, environment, status, version, title, description, url, actor, started_at, extra)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::jsonb) RETURNING id
"""
FILTERED = f"""
SELECT {SELECT} FROM deploy WHERE service = %s AND status = %s AND started_at >= %s AND started_at < %s
ORDER BY started_at DESC, id DESC LIMIT 50
"""
# Matches first, then order: else the planner may walk the newest-first index until it has met 50 of them.
FOUND = f"""
WITH found AS MATERIALIZED (
    SELECT {SELECT} FROM deploy
    WHERE to_tsvector('simple', title || ' ' || description) @@ plainto_tsquery('simple', %s)
) SELECT {SELECT} FROM found ORDER BY started_at DESC, id DESC LIMIT 50
"""
NEWEST = f"SELECT {SELECT} FROM deploy ORDER BY started_at DESC, id DESC LIMIT 50"
