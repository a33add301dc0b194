SELECT bidder, bid_count, starttime, starttime + INTERVAL '10' SECOND AS endtime
FROM (
  SELECT bidder, count(*) AS bid_count, date_bin(INTERVAL '10' SECOND, date_time) AS starttime
  FROM bid GROUP BY bidder, date_bin(INTERVAL '10' SECOND, date_time))
