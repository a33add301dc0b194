SELECT c.auction, c.num
FROM (
  SELECT auction, count(*) AS num, ws
  FROM (
    SELECT auction, date_bin(INTERVAL '2' SECOND, date_time) - back AS ws
    FROM bid CROSS JOIN (VALUES (INTERVAL '0' SECOND), (INTERVAL '2' SECOND),
      (INTERVAL '4' SECOND), (INTERVAL '6' SECOND), (INTERVAL '8' SECOND)) AS t(back))
  GROUP BY auction, ws) AS c
JOIN (
  SELECT max(num) AS maxn, ws
  FROM (
    SELECT auction, count(*) AS num, ws
    FROM (
      SELECT auction, date_bin(INTERVAL '2' SECOND, date_time) - back AS ws
      FROM bid CROSS JOIN (VALUES (INTERVAL '0' SECOND), (INTERVAL '2' SECOND),
        (INTERVAL '4' SECOND), (INTERVAL '6' SECOND), (INTERVAL '8' SECOND)) AS t(back))
    GROUP BY auction, ws)
  GROUP BY ws) AS m ON c.ws = m.ws AND c.num >= m.maxn
