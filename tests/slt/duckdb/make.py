"""Makes the scripts of this folder: fixed queries over fixed rows, with the results of DuckDB.

python3 -m venv /tmp/duck && /tmp/duck/bin/pip install duckdb==2.0.1
/tmp/duck/bin/python tests/slt/duckdb/make.py

Each query is run twice by a script: as a view that is kept up to date while rows come, and once over
a view that holds all of them. `{a|b}` is text of ours, a, where DuckDB writes b.
"""

import datetime
import decimal
import pathlib
import random
import re

import duckdb

HERE = pathlib.Path(__file__).parent
COLUMNS = [
    ("id", "INT"), ("ts", "TIMESTAMP"), ("k", "TEXT"), ("g", "INT"), ("n", "BIGINT"),
    ("s", "SMALLINT"), ("x", "DOUBLE"), ("d", "DECIMAL(12,2)"), ("b", "BOOLEAN"), ("da", "DATE"),
]
# Results of these are exact in every engine, so that texts may be compared.
WORDS = ["ada", "Bob", "cy", "", "de f", "été", "x,y,z", None, "zed", "a1b2"]


def rows():
    """The rows, the same for ever."""
    draw = random.Random(7)
    start = datetime.datetime(2024, 1, 1)
    some = lambda value: None if draw.random() < 0.12 else value
    made = []
    for at in range(90):
        made.append((
            at,
            start + datetime.timedelta(milliseconds=250 * draw.randrange(1200) + 250_000 * (at // 30)),
            draw.choice(WORDS),
            some(draw.randrange(4)),
            some(draw.randrange(-10**6, 10**6)),
            some(draw.randrange(-300, 300)),
            some(draw.randrange(-4000, 4000) / 8),
            some(decimal.Decimal(draw.randrange(-10**6, 10**6)).scaleb(-2)),
            some(draw.random() < 0.5),
            some(datetime.date(2024, 2, 27) + datetime.timedelta(days=draw.randrange(6))),
        ))
    # Event time comes in order here; the differential tests bring it out of order.
    return sorted(made, key=lambda row: (row[1], row[0]))


FILTERS = [
    "g = 1", "g <> 1", "n > 0 AND s < 0", "n > 0 OR b", "NOT b", "k IS NULL", "k IS NOT NULL AND g IS NULL",
    "k LIKE '%d%'", "k NOT LIKE 'a%'", "g IN (0, 3)", "g NOT IN (0, 3)", "s BETWEEN -50 AND 50",
    "s NOT BETWEEN -50 AND 50", "d >= 1000.5", "x < -12.25", "da = DATE '2024-02-29'",
    "da > DATE '2024-02-29' AND b IS NOT TRUE", "ts < TIMESTAMP '2024-01-01 00:02:00'",
    "g IS DISTINCT FROM 2", "k = 'été'", "coalesce(b, false)", "b IS FALSE", "(g = 1) IS NULL",
    "CASE WHEN g = 0 THEN b ELSE n > 0 END", "length(k) > 3", "x > s", "d = 0 OR d <> 0",
]

# Expressions, three a query.
EXPRESSIONS = [
    "n + s", "n - g", "g * s", "- n", "n % 7", "s % 5", "{n / 3|n // 3}", "{s / 7|s // 7}", "abs(s)", "abs(n)",
    "x + 1.5", "x * 2", "x - s", "floor(x)", "ceil(x)", "abs(x)", "d + 1.25", "d - 0.005", "d * 2", "- d", "abs(d)",
    "CAST(s AS BIGINT) * n", "CAST(n AS DOUBLE)", "CAST(g AS TEXT)", "CAST(b AS TEXT)", "CAST(da AS TEXT)",
    "CAST(s AS DECIMAL(8,2))", "CAST(d AS DECIMAL(14,4))", "CAST(b AS INT)", "sign(s)",
    "greatest(n, s)", "least(n, s, g)", "greatest(da, DATE '2024-02-29')", "coalesce(g, -1)", "nullif(g, 2)",
    "coalesce(k, 'none')", "coalesce(n, s, g)", "upper(k)", "lower(k)", "length(k)", "k || '!'", "concat(k, g)",
    "substr(k, 2, 2)", "substr(k, 2)", "left(k, 2)", "right(k, 2)", "replace(k, 'd', 'DD')", "reverse(k)",
    "repeat(k, 2)", "lpad(k, 4, '*')", "rpad(k, 4, '*')", "trim(k || ' ')", "ltrim(' ' || k)", "rtrim(k || '  ')",
    "split_part(k, ',', 2)", "strpos(k, 'e')", "starts_with(k, 'a')", "contains(k, ' ')", "ascii(k)", "translate(k, 'ad', 'AD')",
    "regexp_replace(k, '[0-9]', '#', 'g')", "k LIKE '_d%'", "k ILIKE 'b%'", "k || CAST(g AS TEXT)",
    "CASE g WHEN 0 THEN 'zero' WHEN 1 THEN 'one' ELSE 'more' END", "CASE WHEN n > 0 THEN n ELSE -n END",
    "CASE WHEN b THEN d END", "g = 1", "g IS DISTINCT FROM 1", "n IS NULL", "b AND g = 1", "b OR g = 1", "NOT b",
    "date_trunc('minute', ts)", "date_trunc('hour', ts)", "date_trunc('day', ts)", "ts + INTERVAL '90 seconds'",
    "ts - INTERVAL '1 day'", "da + 1", "da - 1", "da - DATE '2024-02-27'", "date_part('minute', ts)", "date_part('doy', da)",
    "extract(day FROM da)", "extract(month FROM da)", "extract(year FROM da)", "da + INTERVAL '1 month'",
    "CAST(ts AS DATE)", "CAST(da AS TIMESTAMP)", "g IN (1, NULL)", "s BETWEEN g AND 100",
]

AGGREGATES = [
    "count(*)", "count(n)", "count(k)", "count(DISTINCT k)", "count(DISTINCT g)", "count(DISTINCT da)", "sum(n)", "sum(s)",
    "sum(g)", "sum(x)", "sum(d)", "sum(DISTINCT g)", "min(n)", "max(n)", "min(k)", "max(k)", "min(d)", "max(d)", "min(x)",
    "max(x)", "min(ts)", "max(ts)", "min(da)", "max(da)", "bool_and(b)", "bool_or(b)", "sum(n) FILTER (WHERE b)",
    "count(*) FILTER (WHERE k IS NULL)", "max(d) FILTER (WHERE g = 1)", "CAST(avg(s) AS DECIMAL(18,4))",
    "CAST(avg(d) AS DECIMAL(18,4))", "CAST(avg(x) AS DECIMAL(18,4))", "CAST(stddev_samp(s) AS DECIMAL(18,4))",
    "CAST(stddev_pop(s) AS DECIMAL(18,4))", "CAST(var_samp(s) AS DECIMAL(18,4))", "CAST(var_pop(s) AS DECIMAL(18,4))",
    "CAST(covar_pop(s, x) AS DECIMAL(18,4))", "CAST(corr(s, x) AS DECIMAL(18,6))", "CAST(regr_slope(s, x) AS DECIMAL(18,6))",
    "median(s)", "{percentile_cont(0.25) WITHIN GROUP (ORDER BY s)|quantile_cont(s, 0.25)}",
    "{percentile_disc(0.75) WITHIN GROUP (ORDER BY n)|quantile_disc(n, 0.75)}", "string_agg(k, '-' ORDER BY k)",
    "sum(n + s)", "sum(CASE WHEN b THEN 1 ELSE 0 END)", "max(length(k))", "sum(d) - min(d)", "sum(n) + count(*)",
    "{first(id ORDER BY ts)|first(id ORDER BY ts, id)}", "max(n) - min(n)",
]

# Results over rows around: each order tells all rows apart, or the result is that of all peers.
OVER = [
    "row_number() OVER (PARTITION BY g ORDER BY n, id)", "row_number() OVER (ORDER BY s DESC NULLS LAST, id)",
    "rank() OVER (PARTITION BY b ORDER BY s % 5)", "dense_rank() OVER (PARTITION BY b ORDER BY s % 5 DESC NULLS FIRST)",
    "percent_rank() OVER (PARTITION BY g ORDER BY s % 7)", "cume_dist() OVER (ORDER BY da)",
    "ntile(4) OVER (ORDER BY id)", "ntile(7) OVER (PARTITION BY g ORDER BY id)", "lag(n) OVER (ORDER BY ts, id)",
    "lag(n, 2, -1) OVER (PARTITION BY g ORDER BY ts, id)", "lead(k) OVER (PARTITION BY b ORDER BY id)",
    "lead(d, 3) OVER (ORDER BY n, id)", "lag(da, 1, DATE '2000-01-01') OVER (PARTITION BY k ORDER BY id)",
    "first_value(n) OVER (PARTITION BY g ORDER BY ts, id)", "last_value(n) OVER (PARTITION BY g ORDER BY ts, id)",
    "last_value(k) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)",
    "nth_value(s, 2) OVER (PARTITION BY g ORDER BY id)", "first_value(x) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
    "sum(n) OVER (PARTITION BY g ORDER BY ts, id)", "sum(n) OVER (ORDER BY s)", "sum(s) OVER (PARTITION BY b)",
    "count(*) OVER ()", "count(k) OVER (PARTITION BY g ORDER BY da)", "min(d) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING)",
    "max(n) OVER (PARTITION BY g ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)",
    "sum(d) OVER (ORDER BY id ROWS 4 PRECEDING)", "max(k) OVER (PARTITION BY b ORDER BY id)",
    "count(*) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '60 seconds' PRECEDING AND CURRENT ROW)",
    "sum(n) OVER (PARTITION BY g ORDER BY ts RANGE BETWEEN INTERVAL '90 seconds' PRECEDING AND INTERVAL '30 seconds' FOLLOWING)",
    "sum(s) OVER (ORDER BY s RANGE BETWEEN 20 PRECEDING AND 10 FOLLOWING)", "count(*) OVER (ORDER BY d RANGE BETWEEN 500.5 PRECEDING AND CURRENT ROW)",
    "count(*) OVER (ORDER BY n DESC NULLS LAST RANGE BETWEEN 50000 PRECEDING AND 50000 FOLLOWING)",
    "count(*) OVER (ORDER BY da RANGE BETWEEN INTERVAL '1 day' PRECEDING AND CURRENT ROW)",
    "sum(n) OVER (ORDER BY g GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW)", "count(*) OVER (ORDER BY da GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING)",
    "sum(s) OVER (ORDER BY id ROWS BETWEEN 5 PRECEDING AND 2 PRECEDING)", "sum(s) OVER (ORDER BY id ROWS BETWEEN 2 FOLLOWING AND 4 FOLLOWING)",
    "count(*) FILTER (WHERE b) OVER (PARTITION BY g ORDER BY id)", "bool_and(n > 0) OVER (ORDER BY id ROWS 2 PRECEDING)",
    "row_number() OVER (PARTITION BY g ORDER BY id) + 1", "n - lag(n) OVER (PARTITION BY g ORDER BY id)",
]

# First rows: what numbers them, and under which condition.
FIRST = [
    ("row_number() OVER (PARTITION BY g ORDER BY n, id)", "rn <= 3"), ("row_number() OVER (PARTITION BY k ORDER BY ts DESC, id)", "rn = 1"),
    ("row_number() OVER (PARTITION BY g, b ORDER BY x DESC NULLS LAST, id)", "rn <= 2 AND n > 0"),
    ("row_number() OVER (ORDER BY d, id)", "rn BETWEEN 5 AND 9"), ("rank() OVER (PARTITION BY b ORDER BY s % 5)", "rn <= 2"),
    ("dense_rank() OVER (PARTITION BY g ORDER BY da DESC NULLS LAST)", "rn < 3"), ("rank() OVER (ORDER BY s % 7)", "rn = 1"),
    ("row_number() OVER (PARTITION BY s % 4 ORDER BY k NULLS FIRST, id)", "rn <= 4"),
    ("row_number() OVER (PARTITION BY da ORDER BY b, n DESC NULLS FIRST, id)", "2 >= rn"),
]
LIMITS = [
    "ORDER BY n, id LIMIT 5", "ORDER BY n DESC NULLS FIRST, id LIMIT 4 OFFSET 3", "ORDER BY k NULLS FIRST, id DESC LIMIT 7",
    "ORDER BY da DESC NULLS LAST, x, id LIMIT 10", "ORDER BY b, d, id LIMIT 3 OFFSET 40", "ORDER BY n + s, id LIMIT 6",
]
DISTINCTS = [("g", "g, n, id"), ("k", "k, ts DESC, id"), ("b, g", "b, g, d DESC NULLS LAST, id"), ("n % 5", "n % 5, s NULLS FIRST, id")]

KEYS = ["k", "g", "da", "b", "g, b", "length(k)", "n % 3", "date_trunc('minute', ts)"]

HOPS = "(SELECT e.*, w AS window_start, w + INTERVAL '{size} seconds' AS window_end FROM everything e, unnest(generate_series(0, {last}, {slide})) o(u), LATERAL (SELECT time_bucket(INTERVAL '{slide} seconds', ts) - INTERVAL '1 second' * u AS w) WHERE ts < w + INTERVAL '{size} seconds')"
CUMULATED = "(SELECT e.*, w AS window_start, w + INTERVAL '1 second' * u AS window_end FROM everything e, unnest(generate_series({step}, {size}, {step})) o(u), LATERAL (SELECT time_bucket(INTERVAL '{size} seconds', ts) AS w) WHERE ts < w + INTERVAL '1 second' * u)"
SESSIONS = "(SELECT *, min(ts) OVER (PARTITION BY {key} number) AS window_start, max(ts) OVER (PARTITION BY {key} number) + INTERVAL '{gap} seconds' AS window_end FROM (SELECT *, sum(CASE WHEN ts < before + INTERVAL '{gap} seconds' THEN 0 ELSE 1 END) OVER (PARTITION BY {by} ORDER BY ts, id) AS number FROM (SELECT *, lag(ts) OVER (PARTITION BY {by} ORDER BY ts, id) AS before FROM everything)))"


def windows():
    """Calls of ours, the keys beside the window, and the relation that DuckDB groups."""
    for size in [5, 20, 60, 7]:
        tumbled = f"(SELECT *, w AS window_start, w + INTERVAL '{size} seconds' AS window_end FROM (SELECT *, time_bucket(INTERVAL '{size} seconds', ts, TIMESTAMP '1970-01-01') AS w FROM everything))"
        for key in ["", "g"]:
            yield f"tumble(ts, INTERVAL '{size}' SECOND)", key, tumbled
    for size, slide in [(20, 5), (12, 12), (15, 10), (60, 30)]:
        relation = HOPS.format(size=size, slide=slide, last=size - 1)
        relation = relation.replace("seconds', ts)", "seconds', ts, TIMESTAMP '1970-01-01')")
        yield f"hop(ts, INTERVAL '{size}' SECOND, INTERVAL '{slide}' SECOND)", "b", relation
    for step, size in [(5, 20), (20, 60)]:
        relation = CUMULATED.format(step=step, size=size)
        relation = relation.replace("seconds', ts)", "seconds', ts, TIMESTAMP '1970-01-01')")
        yield f"cumulate(ts, INTERVAL '{step}' SECOND, INTERVAL '{size}' SECOND)", "", relation
    for gap in [2, 5, 10]:
        for key in ["", "g"]:
            by = "true" if not key else key
            relation = SESSIONS.format(gap=gap, by=by, key="" if not key else f"{key}, ")
            yield f"session(ts, INTERVAL '{gap}' SECOND)", key, relation


def side(text, at):
    return re.sub(r"\{([^{}|]*)\|([^{}|]*)\}", lambda found: found.group(1 + at), text)


def cell(value):
    """A value as PostgreSQL writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else repr(value)
    if isinstance(value, datetime.datetime):
        text = value.strftime("%Y-%m-%d %H:%M:%S.%f")
        return text.rstrip("0").rstrip(".")
    if value == "":
        return "(empty)"
    return str(value)


def literal(value):
    if value is None or isinstance(value, (bool, int, float, decimal.Decimal)):
        return cell(value)
    return "'" + str(value).replace("'", "''") + "'"


class Script:
    """One file: all views come first, because they see the rows that are pushed when they are there.
    With `late` each is there once more, created between the second and the third of the INSERTs, over
    the view that holds what came before."""

    def __init__(self, name, about, once=True, late=False):
        self.name, self.about, self.once = name, about, once
        self.creates, self.queries, self.late = [], [], [] if late else None

    def add(self, ours, duck, once=True):
        answer = DUCK.execute(duck)
        width = len(answer.description)
        lines = sorted(" ".join(cell(value) for value in row) for row in answer.fetchall())
        body = "".join(line + "\n" for line in lines)
        name = f"q{len(self.creates)}"
        self.creates.append(f"statement ok\nCREATE MATERIALIZED VIEW {name} AS {ours.replace('everything', 's')}\n")
        kinds = "T" * width
        self.queries.append(f"query {kinds} rowsort\nSELECT * FROM {name}\n----\n{body}")
        if self.late is not None:
            self.late.append(f"statement ok\nCREATE MATERIALIZED VIEW {name}_late AS {ours}\n")
            self.queries.append(f"query {kinds} rowsort\nSELECT * FROM {name}_late\n----\n{body}")
        if self.once and once:
            self.queries.append(f"query {kinds} rowsort\n{ours}\n----\n{body}")

    def write(self):
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS).replace("TIMESTAMP", "TIMESTAMP NOT NULL")
        head = f"# Results: DuckDB {duckdb.__version__}, by make.py beside this file. {self.about}\n"
        parts = [head, f"statement ok\nCREATE SOURCE s ({columns}) WITH (watermark = 'ts')\n"]
        parts.append("statement ok\nCREATE MATERIALIZED VIEW everything AS SELECT * FROM s\n")
        parts += self.creates
        for at in range(0, len(ROWS), 30):
            lines = ",\n".join("(" + ", ".join(literal(value) for value in row) + ")" for row in ROWS[at : at + 30])
            parts.append(f"statement ok\nINSERT INTO s VALUES\n{lines}\n")
            if at == 30:
                parts += self.late or []
        (HERE / self.name).write_text("\n".join(parts + self.queries))


ROWS = rows()
DUCK = duckdb.connect()
DUCK.execute("CREATE TABLE everything (" + ", ".join(f"{name} {kind}" for name, kind in COLUMNS) + ")")
DUCK.executemany("INSERT INTO everything VALUES (" + ", ".join("?" * len(COLUMNS)) + ")", ROWS)


def both(script, text, once=True):
    script.add(side(text, 0), side(text, 1), once)


def main():
    filters = Script("filters.slt", "Conditions of every kind.")
    for condition in FILTERS:
        both(filters, f"SELECT id FROM everything WHERE id < 60 AND ({condition})")
    filters.write()

    expressions = Script("expressions.slt", "Expressions over columns of many types, NULL among the values.")
    for at in range(0, len(EXPRESSIONS), 3):
        some = ", ".join(f"{expr} AS o{n}" for n, expr in enumerate(EXPRESSIONS[at : at + 3]))
        both(expressions, f"SELECT id, {some} FROM everything WHERE id < 24")
    expressions.write()

    groups = Script("groups.slt", "Aggregates of groups.")
    for at in range(0, len(AGGREGATES), 2):
        some = ", ".join(f"{call} AS o{n}" for n, call in enumerate(AGGREGATES[at : at + 2]))
        both(groups, f"SELECT {some} FROM everything")
        both(groups, f"SELECT g, {some} FROM everything GROUP BY g")
        both(groups, f"SELECT b, {some} FROM everything WHERE id < 60 GROUP BY b")
    for key in KEYS:
        first = ", ".join(f"{part.strip()} AS k{n}" for n, part in enumerate(key.split(", ") if "(" not in key else [key]))
        both(groups, f"SELECT {first}, count(*) AS c, sum(n) AS n, max(d) AS d FROM everything GROUP BY {key}")
        both(groups, f"SELECT {first}, sum(s) AS s FROM everything WHERE n > 0 GROUP BY {key} HAVING count(*) > 2")
        both(groups, f"SELECT DISTINCT {first} FROM everything")
    groups.write()

    nested = Script("nested.slt", "Groups of groups, where what is beneath takes back what it said.")
    for key in ["k", "da", "n % 5", "s % 4"]:
        beneath = f"(SELECT {key} AS key, count(*) AS c, sum(n) AS n, max(d) AS d FROM everything GROUP BY {key}) b"
        both(nested, f"SELECT c, count(*) AS groups, sum(n) AS n FROM {beneath} GROUP BY c")
        both(nested, f"SELECT count(*) AS groups, max(c) AS c, min(n) AS n, max(d) AS d FROM {beneath}")
        both(nested, f"SELECT count(DISTINCT c) AS c, median(c) AS m, string_agg(CAST(c AS TEXT), ',' ORDER BY CAST(c AS TEXT)) AS t FROM {beneath}")
        both(nested, f"SELECT key, c FROM {beneath} WHERE n > 0")
    nested.write()

    over = Script("over.slt", "Results over rows around, and of groups.", late=True)
    for call in OVER:
        # What runs once knows no bool_and of frames that slide.
        both(over, f"SELECT id, {call} AS o FROM everything", once="bool_and" not in call)
    beneath = "(SELECT k, count(*) AS c, sum(n) AS n FROM everything GROUP BY k) b"
    for call in ["rank() OVER (ORDER BY c)", "lag(c) OVER (ORDER BY c, n, k)", "sum(c) OVER (ORDER BY c)", "count(*) OVER (PARTITION BY c)"]:
        both(over, f"SELECT k, c, {call} AS o FROM {beneath}")
    both(over, "SELECT id, row_number() OVER (PARTITION BY g ORDER BY id) AS a, lag(n) OVER (ORDER BY id) AS b, sum(s) OVER (PARTITION BY g) AS c, rank() OVER (PARTITION BY g ORDER BY s) AS d FROM everything WHERE b")
    both(over, "SELECT g, sum(gap) AS gap FROM (SELECT g, id - lag(id) OVER (PARTITION BY g ORDER BY id) AS gap FROM everything) q GROUP BY g")
    over.write()

    first = Script("first.slt", "First rows of partitions, of all rows, and of what changes.", late=True)
    for call, condition in FIRST:
        both(first, f"SELECT id, g, rn FROM (SELECT *, {call} AS rn FROM everything) q WHERE {condition}")
        both(first, f"SELECT id, k FROM (SELECT *, {call} AS rn FROM everything) q WHERE {condition}")
    for limit in LIMITS:
        both(first, f"SELECT id, n FROM everything {limit}")
    for on, order in DISTINCTS:
        both(first, f"SELECT DISTINCT ON ({on}) id, g, k FROM everything ORDER BY {order}")
    for limit in ["ORDER BY c DESC, k NULLS FIRST LIMIT 3", "ORDER BY n, k LIMIT 2 OFFSET 1"]:
        both(first, f"SELECT k, count(*) AS c, sum(n) AS n FROM everything GROUP BY k {limit}")
    both(first, f"SELECT k, c, rn FROM (SELECT *, row_number() OVER (PARTITION BY c % 2 ORDER BY n, k) AS rn FROM {beneath}) q WHERE rn <= 2")
    first.write()

    windowed = Script("windows.slt", "Windows, which DuckDB groups as joins and gaps.", once=False)
    for call, key, relation in windows():
        keys = f"{key}, " if key else ""
        calls = "count(*) AS c, sum(n) AS n, max(d) AS d, count(DISTINCT k) AS k"
        ours_by = f"{call}, {key}" if key else call
        by = f"window_start, window_end, {key}" if key else "window_start, window_end"
        windowed.add(
            f"SELECT window_start, window_end, {keys}{calls} FROM everything GROUP BY {ours_by}",
            f"SELECT window_start, window_end, {keys}{calls} FROM {relation} GROUP BY {by}",
        )
        windowed.add(
            f"SELECT window_start, {keys}sum(s) AS s FROM everything WHERE b GROUP BY {ours_by}",
            f"SELECT window_start, {keys}sum(s) AS s FROM {relation.replace('FROM everything e,', 'FROM (SELECT * FROM everything WHERE b) e,').replace('FROM everything)', 'FROM everything WHERE b)')} GROUP BY window_start, window_end" + (f", {key}" if key else ""),
        )
    windowed.write()


main()
