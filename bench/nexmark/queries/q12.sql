CREATE MATERIALIZED VIEW q12 AS
-- original uses processing time: TUMBLE(PROCTIME(), ...); this event-time form (as Feldera does) is checkable
SELECT bidder, COUNT(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM bid GROUP BY bidder, TUMBLE(date_time, INTERVAL '10' SECOND)
EMIT ON WINDOW CLOSE;
