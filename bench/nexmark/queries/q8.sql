CREATE MATERIALIZED VIEW q8 AS
SELECT P.id, P.name, P.ws AS starttime
FROM (SELECT id, name, window_start AS ws, window_end AS we
      FROM person GROUP BY id, name, TUMBLE(date_time, INTERVAL '10' SECOND)) AS P
JOIN (SELECT seller, window_start AS ws, window_end AS we
      FROM auction GROUP BY seller, TUMBLE(date_time, INTERVAL '10' SECOND)) AS A
ON P.id = A.seller AND P.ws = A.ws AND P.we = A.we
EMIT ON WINDOW CLOSE;
