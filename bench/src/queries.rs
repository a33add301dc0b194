//! Queries in SQL over trades, and the same asked once.

/// One query.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trading {
    /// On the command line.
    pub name: &'static str,
    /// The view or stream that its statement creates.
    pub result: &'static str,
    /// The statement.
    pub sql: &'static str,
    /// The same rows of DataFusion.
    pub plain: &'static str,
}

/// Takes the trades of [`crate::trades`].
pub const SOURCE: &str = "CREATE SOURCE trades (symbol TEXT NOT NULL, price BIGINT NOT NULL, \
                          size BIGINT NOT NULL, ts TIMESTAMP NOT NULL) WITH (watermark = 'ts')";

/// What is computed by the plans of [`crate::trades::plan`], and more.
pub const TRADING: &[Trading] = &[
    Trading {
        name: "filter",
        result: "dear",
        sql: "CREATE STREAM dear AS
              SELECT symbol, price * size AS value FROM trades WHERE price > 5000",
        plain: "SELECT symbol, price * size AS value FROM trades WHERE price > 5000",
    },
    Trading {
        name: TUMBLE,
        result: "bars",
        sql: "CREATE MATERIALIZED VIEW bars AS
              SELECT symbol, window_start, window_end, count(*) AS trades, sum(size) AS volume,
                max(price) AS high, min(price) AS low
              FROM trades GROUP BY symbol, tumble(ts, INTERVAL '1' SECOND)
              EMIT ON WINDOW CLOSE",
        plain: "SELECT symbol, date_bin(INTERVAL '1' SECOND, ts) AS window_start,
                  count(*) AS trades, sum(size) AS volume, max(price) AS high, min(price) AS low
                FROM trades GROUP BY symbol, date_bin(INTERVAL '1' SECOND, ts)",
    },
    Trading {
        name: HOP,
        result: "bars",
        sql: "CREATE MATERIALIZED VIEW bars AS
              SELECT symbol, window_start, window_end, count(*) AS trades, sum(size) AS volume,
                max(price) AS high, min(price) AS low
              FROM trades GROUP BY symbol, hop(ts, INTERVAL '10' SECOND, INTERVAL '1' SECOND)
              EMIT ON WINDOW CLOSE",
        plain: "SELECT symbol, window_start, count(*) AS trades, sum(size) AS volume,
                  max(price) AS high, min(price) AS low
                FROM (
                  SELECT symbol, price, size, unnest(make_array(slice,
                    slice - INTERVAL '1' SECOND, slice - INTERVAL '2' SECOND,
                    slice - INTERVAL '3' SECOND, slice - INTERVAL '4' SECOND,
                    slice - INTERVAL '5' SECOND, slice - INTERVAL '6' SECOND,
                    slice - INTERVAL '7' SECOND, slice - INTERVAL '8' SECOND,
                    slice - INTERVAL '9' SECOND)) AS window_start
                  FROM (
                    SELECT symbol, price, size, date_bin(INTERVAL '1' SECOND, ts) AS slice
                    FROM trades))
                GROUP BY symbol, window_start",
    },
    Trading {
        name: "session",
        result: "runs",
        sql: "CREATE MATERIALIZED VIEW runs AS
              SELECT symbol, window_start, window_end, count(*) AS trades, sum(size) AS volume,
                max(price) AS high, min(price) AS low
              FROM trades GROUP BY symbol, session(ts, INTERVAL '20' MILLISECOND)
              EMIT ON WINDOW CLOSE",
        plain: "SELECT symbol, min(ts) AS window_start,
                  max(ts) + INTERVAL '20' MILLISECOND AS window_end, count(*) AS trades,
                  sum(size) AS volume, max(price) AS high, min(price) AS low
                FROM (
                  SELECT *, sum(begins) OVER (PARTITION BY symbol ORDER BY ts) AS run
                  FROM (
                    SELECT *, CASE WHEN ts - lag(ts) OVER (PARTITION BY symbol ORDER BY ts)
                      < INTERVAL '20' MILLISECOND THEN 0 ELSE 1 END AS begins
                    FROM trades))
                GROUP BY symbol, run",
    },
    Trading {
        name: "running",
        result: "totals",
        sql: "CREATE MATERIALIZED VIEW totals AS
              SELECT symbol, count(*) AS trades, sum(size) AS volume, max(price) AS high,
                min(price) AS low
              FROM trades GROUP BY symbol",
        plain: "SELECT symbol, count(*) AS trades, sum(size) AS volume, max(price) AS high,
                  min(price) AS low
                FROM trades GROUP BY symbol",
    },
];

/// What others are compared with.
pub const TUMBLE: &str = "tumble";
/// Ten windows over each row.
pub const HOP: &str = "hop";
