"""Makes joins*.slt of this folder: fixed joins over fixed rows, with the results of DuckDB.

python3 -m venv /tmp/duck && /tmp/duck/bin/pip install duckdb==2.0.1
/tmp/duck/bin/python tests/slt/duckdb/joins.py

Each query is asked three times: of a view that is there before the rows, of one that comes when all of
them are there, and once. What the inputs `per_k`, `big` and `firsts` have is taken back and put anew as
rows come, so that joins over them take back what they put out.
"""

import pathlib
import random

import duckdb

HERE = pathlib.Path(__file__).parent
WORDS = ["ada", "Bob", "cy", "", "été", "zed", "long enough to lie apart from its row", None]
SOURCES = {
    "a": [("id", "INT"), ("k", "TEXT"), ("g", "INT"), ("v", "INT")],
    "b": [("id", "INT"), ("k", "TEXT"), ("g", "INT"), ("w", "BIGINT")],
    "c": [("id", "INT"), ("g", "INT"), ("name", "TEXT")],
    "none": [("id", "INT"), ("g", "INT")],
}
VIEWS = {
    "per_k": "SELECT k, count(*) AS n, sum(v) AS total, max(v) AS top FROM a GROUP BY k",
    "per_g": "SELECT g, min(w) AS low, count(*) AS n FROM b GROUP BY g",
    "big": "SELECT k, total FROM per_k WHERE total > 5",
    "firsts": "SELECT g, min(id) AS id FROM c GROUP BY g",
}


def rows():
    """The rows, the same for ever."""
    draw = random.Random(11)
    some = lambda value: None if draw.random() < 0.15 else value
    number = lambda: some(draw.randrange(6))
    made = {"a": [], "b": [], "c": [], "none": []}
    for at in range(24):
        made["a"].append((at, draw.choice(WORDS), number(), some(draw.randrange(-5, 9))))
        made["b"].append((100 + at, draw.choice(WORDS), number(), some(draw.randrange(-5, 9))))
    for at in range(9):
        made["c"].append((200 + at, number(), draw.choice(["x", "y", None])))
    return made


KINDS = ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]
PLAIN = [
    # Keys of one and several columns, of other types, computed, and the same twice.
    "SELECT a.id, b.id AS bid FROM a {kind} b ON a.k = b.k",
    "SELECT a.id, b.id AS bid, a.k, b.g FROM a {kind} b ON a.k = b.k AND a.g = b.g",
    "SELECT a.id, b.id AS bid FROM a {kind} b ON a.v = b.w",
    "SELECT a.id, b.id AS bid FROM a {kind} b ON a.g + 1 = b.g",
    # Conditions beside the keys: of one side, of the other, of both.
    "SELECT a.id, b.id AS bid FROM a {kind} b ON a.k = b.k AND a.v > 2",
    "SELECT a.id, b.id AS bid FROM a {kind} b ON a.k = b.k AND b.w > 2",
    "SELECT a.id, b.id AS bid FROM a {kind} b ON a.k = b.k AND a.v < b.w",
    "SELECT a.id, b.id AS bid FROM a {kind} b ON a.g = b.g AND (a.v < b.w OR a.k = 'cy')",
    # NULLs that are equal.
    "SELECT a.id, b.id AS bid FROM a {kind} b ON a.g IS NOT DISTINCT FROM b.g",
    # Nothing on one side.
    "SELECT a.id, none.id AS nid FROM a {kind} none ON a.g = none.g",
    # Inputs that take rows back.
    "SELECT a.id, p.n, p.total FROM a {kind} per_k p ON a.k = p.k",
    "SELECT p.k, p.n, b.id FROM per_k p {kind} b ON p.k = b.k AND p.n > 2",
    "SELECT p.k, p.total, q.k AS qk, q.total AS qt FROM per_k p {kind} big q ON p.k = q.k",
    "SELECT p.k, p.total, g.g, g.low FROM per_k p {kind} per_g g ON p.total = g.low",
    "SELECT p.k, g.g FROM per_k p {kind} per_g g ON p.n = g.n AND p.top > g.low",
    # A relation with itself.
    "SELECT l.id, r.id AS rid FROM a l {kind} a r ON l.g = r.v",
    "SELECT l.k, r.k AS rk, l.total FROM per_k l {kind} per_k r ON l.n = r.n AND l.k < r.k",
]
OTHERS = [
    # Three and four relations.
    "SELECT a.id, b.id AS bid, c.id AS cid FROM a JOIN b ON a.k = b.k JOIN c ON b.g = c.g",
    "SELECT a.id, b.id AS bid, c.id AS cid FROM a LEFT JOIN b ON a.k = b.k LEFT JOIN c ON b.g = c.g",
    "SELECT a.id, b.id AS bid, c.name FROM a JOIN b ON a.g = b.g AND a.k = b.k LEFT JOIN c ON c.g = a.v",
    "SELECT a.id, c.id AS cid, p.n FROM a JOIN c ON a.g = c.g JOIN per_k p ON p.k = a.k JOIN firsts f ON f.id = c.id",
    "SELECT a.id, b.id AS bid, c.id AS cid FROM a FULL JOIN b ON a.k = b.k FULL JOIN c ON c.g = b.g",
    "SELECT a.id, x.bid FROM a LEFT JOIN (SELECT b.id AS bid, c.g FROM b JOIN c ON b.g = c.g) x ON a.g = x.g",
    # USING, commas, parts of rows, what is computed of both sides.
    "SELECT k, a.id, b.id AS bid FROM a JOIN b USING (k)",
    "SELECT a.id, b.id AS bid FROM a, b WHERE a.k = b.k AND a.v + b.w > 3",
    "SELECT a.v + b.w AS s, a.k || '-' || coalesce(CAST(b.g AS TEXT), 'none') AS t FROM a JOIN b ON a.k = b.k",
    "SELECT a.id, coalesce(b.id, -1) AS bid FROM a LEFT JOIN b ON a.k = b.k WHERE b.id IS NULL OR b.w > 0",
    # All with all, and only with a condition.
    "SELECT c.id, f.id AS fid FROM c CROSS JOIN firsts f",
    "SELECT a.id, b.id AS bid FROM a JOIN b ON a.v < b.w - 6",
    "SELECT a.id, c.id AS cid FROM a LEFT JOIN c ON a.v > c.g + 3",
    # Groups over joins, and joins of those.
    "SELECT a.k, count(*) AS n, sum(b.w) AS s FROM a JOIN b ON a.k = b.k GROUP BY a.k",
    "SELECT a.g, count(b.id) AS n, max(b.w) AS m FROM a LEFT JOIN b ON a.g = b.g GROUP BY a.g",
    "SELECT count(*) AS n FROM a JOIN b ON a.k = b.k JOIN c ON c.g = a.g",
    "SELECT count(*) AS n FROM a CROSS JOIN c",
    "SELECT p.k, p.total, x.n FROM per_k p JOIN (SELECT k, count(*) AS n FROM b GROUP BY k) x ON x.k = p.k WHERE x.n > 1",
    "SELECT c.name, sum(p.total) AS s FROM c JOIN a ON a.g = c.g JOIN per_k p ON p.k = a.k GROUP BY c.name",
    "SELECT DISTINCT a.k, b.g FROM a JOIN b ON a.k = b.k",
    # IN, EXISTS and their negations.
    "SELECT id FROM a WHERE k IN (SELECT k FROM b)",
    "SELECT id FROM a WHERE g IN (SELECT g FROM b WHERE w > 2)",
    "SELECT id FROM a WHERE g IN (SELECT g FROM per_g WHERE n > 4)",
    "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.w > a.v)",
    "SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k)",
    "SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k AND b.w > a.v)",
    "SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM per_k p WHERE p.k = a.k AND p.n > 3)",
    "SELECT k, total FROM per_k p WHERE EXISTS (SELECT 1 FROM b WHERE b.k = p.k AND b.w = p.n)",
    "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.k = a.k) AND g IN (SELECT g FROM c)",
    "SELECT id FROM a WHERE v > 5 OR k IN (SELECT k FROM big)",
    "SELECT id FROM a WHERE v > 5 OR EXISTS (SELECT 1 FROM b WHERE b.g = a.g AND b.w < a.v)",
    "SELECT id FROM a WHERE EXISTS (SELECT 1 FROM none)",
    "SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM none WHERE none.g = a.g)",
    # NOT IN, with NULLs on neither side, on one and on both.
    "SELECT id FROM a WHERE id NOT IN (SELECT v FROM a)",
    "SELECT id FROM a WHERE g NOT IN (SELECT g FROM c WHERE g IS NOT NULL)",
    "SELECT id FROM a WHERE g NOT IN (SELECT g FROM c WHERE g > 2)",
    "SELECT id FROM a WHERE g NOT IN (SELECT g FROM none)",
    "SELECT id FROM a WHERE g IS NOT NULL AND g NOT IN (SELECT g FROM b)",
    "SELECT k FROM per_k WHERE n NOT IN (SELECT n FROM per_g WHERE low > 0)",
    # Set operations that are joins.
    "SELECT k, g FROM a INTERSECT SELECT k, g FROM b",
    "SELECT g FROM a EXCEPT SELECT g FROM c",
    "SELECT k FROM b EXCEPT SELECT k FROM per_k WHERE n > 3",
    # Subqueries that are values.
    "SELECT id FROM a WHERE v > (SELECT avg(v) FROM a)",
    "SELECT id, v - (SELECT min(w) FROM b) AS d FROM a",
    "SELECT id FROM a WHERE v = (SELECT max(top) FROM per_k p WHERE p.k = a.k)",
    "SELECT id, (SELECT max(w) FROM b WHERE b.k = a.k) AS m FROM a",
    "SELECT id, (SELECT count(*) FROM b WHERE b.k = a.k) AS n FROM a",
    "SELECT k, total FROM per_k WHERE total >= (SELECT max(total) FROM per_k)",
    # WITH.
    "WITH t AS (SELECT k, sum(w) AS w FROM b GROUP BY k) SELECT a.id, t.w FROM a LEFT JOIN t ON t.k = a.k",
    "WITH t AS (SELECT g, count(*) AS n FROM a GROUP BY g) SELECT x.g, y.g AS yg FROM t x JOIN t y ON x.n = y.n",
]


def cell(value):
    if value is None:
        return "NULL"
    return "(empty)" if value == "" else str(value)


def literal(value):
    return cell(value) if not isinstance(value, str) else "'" + value + "'"


def write(name, about, queries):
    parts = [f"# Results: DuckDB {duckdb.__version__}, by joins.py beside this file. {about}\n"]
    for source, columns in SOURCES.items():
        parts.append(f"statement ok\nCREATE SOURCE {source} ({', '.join(' '.join(c) for c in columns)})\n")
    for view, query in VIEWS.items():
        parts.append(f"statement ok\nCREATE MATERIALIZED VIEW {view} AS {query}\n")
    answers = []
    for at, query in enumerate(queries):
        answer = DUCK.execute(query)
        kinds = "T" * len(answer.description)
        lines = sorted(" ".join(cell(value) for value in row) for row in answer.fetchall())
        body = "".join(line + "\n" for line in lines)
        parts.append(f"statement ok\nCREATE MATERIALIZED VIEW v{at} AS {query}\n")
        answers.append(f"query {kinds} rowsort\nSELECT * FROM v{at}\n----\n{body}")
        answers.append(f"statement ok\nCREATE MATERIALIZED VIEW after{at} AS {query}\n")
        answers.append(f"query {kinds} rowsort\nSELECT * FROM after{at}\n----\n{body}")
        answers.append(f"query {kinds} rowsort\n{query}\n----\n{body}")
    for at in range(0, 24, 4):
        for source, made in ROWS.items():
            some = made[at : at + 4]
            if some:
                lines = ", ".join("(" + ", ".join(literal(value) for value in row) + ")" for row in some)
                parts.append(f"statement ok\nINSERT INTO {source} VALUES {lines}\n")
    (HERE / name).write_text("\n".join(parts + answers))


ROWS = rows()
DUCK = duckdb.connect()
for source, columns in SOURCES.items():
    DUCK.execute(f"CREATE TABLE {source} (" + ", ".join(" ".join(column) for column in columns) + ")")
    if ROWS[source]:
        DUCK.executemany(f"INSERT INTO {source} VALUES (" + ", ".join("?" * len(columns)) + ")", ROWS[source])
for view, query in VIEWS.items():
    DUCK.execute(f"CREATE VIEW {view} AS {query}")

for kind in KINDS:
    name = f"joins_{kind.split()[0].lower() if ' ' in kind else 'inner'}.slt"
    write(name, f"{kind} on keys and conditions.", [query.format(kind=kind) for query in PLAIN])
write("joins_more.slt", "Joins of several relations, under groups, and subqueries.", OTHERS)
