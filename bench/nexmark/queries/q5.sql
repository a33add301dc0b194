CREATE MATERIALIZED VIEW q5 AS
WITH counts AS (
  SELECT auction, COUNT(*) AS num, window_start AS ws, window_end AS we
  FROM bid
  GROUP BY auction, HOP(date_time, INTERVAL '10' SECOND, INTERVAL '2' SECOND)
), maxes AS (
  SELECT MAX(num) AS maxn, ws, we FROM counts GROUP BY ws, we
)
SELECT c.auction, c.num
FROM counts c JOIN maxes m ON c.ws = m.ws AND c.we = m.we AND c.num >= m.maxn
EMIT ON WINDOW CLOSE;
