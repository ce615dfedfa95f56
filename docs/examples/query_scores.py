"""A saved score asked with DuckDB: the hardest documents, a group's bits per byte, the most surprising tokens."""

from pathlib import Path

import duckdb

import entropist as en

text = Path("lighthouse.txt").read_text(encoding="utf-8")
paragraphs = [
    {"id": f"paragraph {i}", "text": part, "half": "first" if i < 4 else "second"}
    for i, part in enumerate(text.split("\n\n"))
]
en.score(paragraphs, group_column="half", save="scored", tokens=True)

print(
    duckdb.sql("""
    SELECT id, surprisal / ln(2) / scored_bytes AS bits_per_byte
    FROM 'scored/documents/*.parquet' WHERE scored_tokens > 0 ORDER BY bits_per_byte DESC LIMIT 3
""")
)
print(
    duckdb.sql("""
    SELECT "group", sum(surprisal) / ln(2) / sum(scored_bytes) AS bits_per_byte
    FROM 'scored/documents/*.parquet' GROUP BY "group" ORDER BY "group"
""")
)
print(
    duckdb.sql("""
    SELECT id, start_byte, end_byte, surprisal / ln(2) AS bits
    FROM 'scored/tokens/*.parquet' ORDER BY bits DESC NULLS LAST LIMIT 3
""")
)
print(
    duckdb.sql("""
    SELECT id, start_byte, surprisal / ln(2) / (end_byte - start_byte) AS bits_per_byte, left(text, 48) AS beginning
    FROM 'scored/spans/*.parquet' ORDER BY bits_per_byte DESC LIMIT 3
""")
)
