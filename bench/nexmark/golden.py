#!/usr/bin/env python3
"""Has DuckDB compute the queries of Nexmark, and writes what is committed of its results.

Run by hand, where the data set or a query changes; it wants `pip install duckdb==2.0.1`:

    cargo run --release --bin sluice-bench -- nexmark --events 10000 --write small
    cargo run --release --bin sluice-bench -- nexmark --events 100000 --write whole
    python3 bench/nexmark/golden.py small whole

Each folder gets its results into `golden/` beside this script. The form is that of
`bench/src/nexmark/golden.rs`, the text of values that of `bench/src/nexmark/canonical.rs`.

The queries are those of `queries/`, in DuckDB's words. Averages are made of DuckDB's exact sums
and counts, to 16 digits behind the point, half away from zero: its own are floating point.
"""

import pathlib
import sys
import zlib

import duckdb

SOURCES = """
CREATE TABLE person (id BIGINT, name VARCHAR, email_address VARCHAR, credit_card VARCHAR,
    city VARCHAR, state VARCHAR, date_time TIMESTAMP, extra VARCHAR);
CREATE TABLE auction (id BIGINT, item_name VARCHAR, description VARCHAR, initial_bid BIGINT,
    reserve BIGINT, date_time TIMESTAMP, expires TIMESTAMP, seller BIGINT, category BIGINT,
    extra VARCHAR);
CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, url VARCHAR,
    date_time TIMESTAMP, extra VARCHAR);
"""

COUNTS = """
    count(*) AS total_bids,
    count(*) FILTER (WHERE price < 10000) AS rank1_bids,
    count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
    count(*) FILTER (WHERE price >= 1000000) AS rank3_bids"""

DISTINCT = """
    count(DISTINCT bidder) AS total_bidders,
    count(DISTINCT bidder) FILTER (WHERE price < 10000) AS rank1_bidders,
    count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bidders,
    count(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS rank3_bidders,
    count(DISTINCT auction) AS total_auctions,
    count(DISTINCT auction) FILTER (WHERE price < 10000) AS rank1_auctions,
    count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_auctions,
    count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions"""

AUCTION = """a.item_name, a.description, a.initial_bid, a.reserve,
            a.date_time AS auction_date_time, a.expires, a.seller, a.category,
            a.extra AS auction_extra"""
DAY = "strftime(date_time, '%Y-%m-%d')"
MINUTE = "strftime(date_time, '%H:%M')"
UNIT = 10**16
CHANNEL_ID = "'(&|^)channel_id=([^&]*)'"

QUERIES = {
    "q0": "SELECT auction, bidder, price, date_time, extra FROM bid",
    "q1": "SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid",
    "q2": "SELECT auction, price FROM bid WHERE auction % 123 = 0",
    "q3": """SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id
        WHERE a.category = 10 AND upper(p.state) IN ('OR', 'ID', 'CA')""",
    "q4": f"""SELECT category,
            concat(mean // {UNIT}, '.', lpad(CAST(mean % {UNIT} AS VARCHAR), 16, '0')) AS avg_price
        FROM (SELECT category,
                (2 * CAST(sum(final) AS HUGEINT) * {UNIT} + count(*)) // (2 * count(*)) AS mean
            FROM (SELECT max(b.price) AS final, a.category
                FROM auction a JOIN bid b ON a.id = b.auction
                WHERE b.date_time BETWEEN a.date_time AND a.expires GROUP BY a.id, a.category)
            GROUP BY category)""",
    # A bid is in the five windows of ten seconds that begin every other second.
    "q5": """WITH counts AS (SELECT auction, count(*) AS num, ws
            FROM (SELECT auction, time_bucket(INTERVAL 2 SECOND, date_time)
                    - INTERVAL 2 SECOND * n AS ws FROM bid, range(5) AS behind(n))
            GROUP BY auction, ws)
        SELECT c.auction, c.num
        FROM counts c JOIN (SELECT max(num) AS maxn, ws FROM counts GROUP BY ws) m
            ON c.ws = m.ws AND c.num >= m.maxn""",
    "q7": """SELECT b.auction, b.price, b.bidder, b.date_time, b.extra
        FROM bid b JOIN (SELECT max(price) AS maxprice,
                time_bucket(INTERVAL 10 SECOND, date_time) + INTERVAL 10 SECOND AS we
            FROM bid GROUP BY we) m ON b.price = m.maxprice
        WHERE b.date_time BETWEEN m.we - INTERVAL 10 SECOND AND m.we""",
    "q8": """SELECT p.id, p.name, p.ws AS starttime
        FROM (SELECT DISTINCT id, name, time_bucket(INTERVAL 10 SECOND, date_time) AS ws
            FROM person) p
        JOIN (SELECT DISTINCT seller, time_bucket(INTERVAL 10 SECOND, date_time) AS ws
            FROM auction) a ON p.id = a.seller AND p.ws = a.ws""",
    "q9": """SELECT id, item_name, description, initial_bid, reserve, date_time, expires, seller,
            category, extra, auction, bidder, price, bid_date_time, bid_extra
        FROM (SELECT a.*, b.auction, b.bidder, b.price, b.date_time AS bid_date_time,
                b.extra AS bid_extra, row_number() OVER (PARTITION BY a.id
                    ORDER BY b.price DESC, b.date_time, b.bidder, b.extra) AS place
            FROM auction a JOIN bid b ON a.id = b.auction
            WHERE b.date_time BETWEEN a.date_time AND a.expires)
        WHERE place = 1""",
    "q10": f"""SELECT auction, bidder, price, date_time, extra, {DAY} AS dt, {MINUTE} AS hm
        FROM bid""",
    # A bid that comes ten seconds or more after the one before begins a session.
    "q11": """SELECT bidder, count(*) AS bid_count, min(date_time) AS starttime,
            max(date_time) + INTERVAL 10 SECOND AS endtime
        FROM (SELECT *, sum(begins) OVER (PARTITION BY bidder ORDER BY date_time
                RANGE UNBOUNDED PRECEDING) AS session
            FROM (SELECT *, CASE WHEN date_time - lag(date_time) OVER
                    (PARTITION BY bidder ORDER BY date_time) < INTERVAL 10 SECOND
                    THEN 0 ELSE 1 END AS begins FROM bid))
        GROUP BY bidder, session""",
    "q12": """SELECT bidder, count(*) AS bid_count,
            time_bucket(INTERVAL 10 SECOND, date_time) AS starttime,
            time_bucket(INTERVAL 10 SECOND, date_time) + INTERVAL 10 SECOND AS endtime
        FROM bid GROUP BY bidder, starttime""",
    "q14": """SELECT auction, bidder, 0.908 * price AS price,
            CASE WHEN hour(date_time) BETWEEN 8 AND 18 THEN 'dayTime'
                WHEN hour(date_time) <= 6 OR hour(date_time) >= 20 THEN 'nightTime'
                ELSE 'otherTime' END AS bid_time_type,
            date_time, extra, length(extra) - length(replace(extra, 'c', '')) AS c_counts
        FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000""",
    "q15": f"SELECT {DAY} AS day, {COUNTS}, {DISTINCT} FROM bid GROUP BY day",
    "q16": f"""SELECT channel, {DAY} AS day, max({MINUTE}) AS minute, {COUNTS}, {DISTINCT}
        FROM bid GROUP BY channel, day""",
    "q17": f"""SELECT auction, day, total_bids, rank1_bids, rank2_bids, rank3_bids, min_price,
            max_price,
            concat(mean // {UNIT}, '.', lpad(CAST(mean % {UNIT} AS VARCHAR), 16, '0')) AS avg_price,
            sum_price
        FROM (SELECT auction, {DAY} AS day, {COUNTS}, min(price) AS min_price,
                max(price) AS max_price, sum(price) AS sum_price,
                (2 * CAST(sum(price) AS HUGEINT) * {UNIT} + count(*)) // (2 * count(*)) AS mean
            FROM bid GROUP BY ALL)""",
    "q18": """SELECT auction, bidder, price, channel, url, date_time, extra
        FROM (SELECT *, row_number() OVER (PARTITION BY bidder, auction
                ORDER BY date_time DESC, extra) AS rank_number FROM bid)
        WHERE rank_number <= 1""",
    "q19": """SELECT auction, bidder, price, channel, url, date_time, extra, rank_number
        FROM (SELECT *, row_number() OVER (PARTITION BY auction
                ORDER BY price DESC, date_time, bidder, extra) AS rank_number FROM bid)
        WHERE rank_number <= 10""",
    "q21": f"""SELECT auction, bidder, price, channel,
            CASE lower(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1'
                WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3'
                ELSE regexp_extract(url, {CHANNEL_ID}, 2) END AS channel_id
        FROM bid WHERE regexp_matches(url, {CHANNEL_ID})
            OR lower(channel) IN ('apple', 'google', 'facebook', 'baidu')""",
    "q22": """SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1,
            split_part(url, '/', 5) AS dir2, split_part(url, '/', 6) AS dir3
        FROM bid""",
    "q20": f"""SELECT b.auction, b.bidder, b.price, b.channel, b.url, b.date_time AS bid_date_time,
            b.extra AS bid_extra, {AUCTION}
        FROM bid b JOIN auction a ON b.auction = a.id WHERE a.category = 10""",
    "q23": f"""SELECT b.bidder, b.price, b.channel, b.url, b.extra AS bid_extra,
            p.id AS person_id, p.name, p.email_address, p.credit_card, p.city, p.state,
            p.extra AS person_extra, {AUCTION}
        FROM bid b JOIN person p ON p.id = b.bidder JOIN auction a ON a.seller = b.bidder""",
}

# What Nexmark's reference set of 100 000 events is known to give.
ROWS = {
    "q0": 92000, "q1": 92000, "q2": 366, "q3": 676, "q4": 5, "q5": 309, "q7": 61, "q8": 99,
    "q9": 5608, "q10": 92000, "q11": 12860, "q12": 16934, "q14": 26060, "q15": 1, "q16": 9892,
    "q17": 6000, "q18": 28380, "q19": 43964, "q20": 15016,
    "q21": 87856, "q22": 92000, "q23": 169951,
}

WHOLE_MAX = 400
SAMPLE = 100


def text(value):
    if value is None:
        return "\\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def golden(names, rows):
    lines = sorted("\t".join(map(text, row)) for row in rows)
    digests = [0] * len(names)
    for line in lines:
        for at, value in enumerate(line.split("\t")):
            digests[at] = zlib.crc32(value.encode() + b"\n", digests[at])
    every = 1 if len(lines) <= WHOLE_MAX else -(-len(lines) // SAMPLE)
    head = [f"rows {len(lines)}"]
    head += [f"column {name} {digest:08x}" for name, digest in zip(names, digests)]
    return "\n".join(head + [f"every {every}"] + lines[::every]) + "\n"


def main(folders):
    here = pathlib.Path(__file__).parent
    for folder in map(pathlib.Path, folders):
        db = duckdb.connect()
        db.execute(SOURCES)
        for source in ("person", "auction", "bid"):
            file = str(folder / f"{source}.tsv")
            db.execute(f"COPY {source} FROM '{file}' (DELIMITER '\t', HEADER false, QUOTE '')")
        count = "SELECT count(*) FROM person UNION ALL FROM (SELECT count(*) FROM auction)"
        count += " UNION ALL FROM (SELECT count(*) FROM bid)"
        events = sum(row[0] for row in db.execute(count).fetchall())
        into = here / "golden" / str(events)
        into.mkdir(parents=True, exist_ok=True)
        for name, query in QUERIES.items():
            result = db.sql(query)
            columns = result.columns
            cast = ", ".join(f'CAST("{column}" AS VARCHAR)' for column in columns)
            rows = db.sql(f"SELECT {cast} FROM result").fetchall()
            if events == 100000 and len(rows) != ROWS[name]:
                sys.exit(f"{name} has {len(rows)} rows and not {ROWS[name]}")
            (into / f"{name}.txt").write_text(golden(columns, rows))
        print(f"{folder}: {events} events, DuckDB {duckdb.__version__}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1:])
