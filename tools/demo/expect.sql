-- A test of a query: sluice test tools/demo/expect.sql
SET CLOCK = '2024-01-01 09:30:00Z';

CREATE SOURCE trades (symbol TEXT, price DECIMAL(10, 2), ts TIMESTAMP)
    WITH (watermark = 'ts', idle_timeout = INTERVAL '5' SECOND, idle_advance = true);
CREATE MATERIALIZED VIEW minutes AS
    SELECT symbol, window_start, max(price) AS high, count(*) AS trades FROM trades
    GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE) EMIT ON WINDOW CLOSE;

INSERT INTO trades VALUES ('ACME', 101.50, '2024-01-01 09:30:01'), ('ACME', 99.00, '2024-01-01 09:30:02');
EXPECT NOTHING FROM minutes;

-- Nobody trades, and the minute ends by the clock.
ADVANCE CLOCK BY INTERVAL '1 minute';
EXPECT ('ACME', '2024-01-01 09:30:00', 101.50, 2) FROM minutes;

-- What comes for it now is late.
INSERT INTO trades VALUES ('ACME', 500.00, '2024-01-01 09:30:59');
EXPECT ('ACME', 101.50) FROM (SELECT symbol, high FROM minutes);
EXPECT (1) FROM (SELECT count(*) FROM sluice.late_rows);
