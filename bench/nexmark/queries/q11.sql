CREATE MATERIALIZED VIEW q11 AS
SELECT bidder, COUNT(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM bid GROUP BY bidder, SESSION(date_time, INTERVAL '10' SECOND)
EMIT ON WINDOW CLOSE;
