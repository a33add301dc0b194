-- The market demo. `tools/run` runs this script; change it, and run it again:
--
--     cargo run --release --bin sluice -- demo tools/demo/market.sql
--
-- The demo pushes made up trades of 1000 symbols into the source `trades`, prints what each SUBSCRIBE
-- below has, and says at the end what it took. Where a relation has the column `sent`, it measures the
-- time from when the latest trade in it was due until the changed row is there.

CREATE SOURCE trades (
    symbol TEXT NOT NULL,
    price  DECIMAL(12, 2) NOT NULL,
    size   BIGINT NOT NULL,
    ts     TIMESTAMP NOT NULL,
    sent   BIGINT NOT NULL,         -- when it was due, in nanoseconds of the demo's clock
    WATERMARK FOR ts
);

-- Open, high, low, close and VWAP (the mean price by volume) of every symbol and second, once the second
-- is over.
CREATE STREAM bars AS
SELECT window_start AS second, symbol,
       first(price) AS open, max(price) AS high, min(price) AS low, last(price) AS close,
       CAST(sum(price * size) / sum(size) AS DECIMAL(18, 4)) AS vwap,
       count(*) AS trades
FROM trades
GROUP BY symbol, tumble(ts, INTERVAL '1' SECOND)
EMIT ON WINDOW CLOSE;

-- The few that are shown.
CREATE STREAM shown AS
SELECT * FROM bars WHERE symbol IN ('ACME', 'CYBR', 'INIT', 'TYRL', 'UMBR', 'WAYN');

-- The whole market, second by second, from the bars.
CREATE STREAM market AS
SELECT window_start AS second, sum(trades) AS trades, count(*) AS symbols
FROM bars
GROUP BY tumble(second, INTERVAL '1' SECOND)
EMIT ON WINDOW CLOSE;

-- The VWAP of large trades so far: changed with every one of them, which is what is measured.
CREATE MATERIALIZED VIEW large AS
SELECT symbol, max(sent) AS sent,
       CAST(sum(price * size) / sum(size) AS DECIMAL(18, 4)) AS vwap
FROM trades
WHERE size >= 900
GROUP BY symbol;

SUBSCRIBE TO market;
SUBSCRIBE TO shown;
