CREATE MATERIALIZED VIEW q14 AS
SELECT auction, bidder, 0.908 * price AS price,
  CASE WHEN EXTRACT(HOUR FROM date_time) >= 8 AND EXTRACT(HOUR FROM date_time) <= 18 THEN 'dayTime'
       WHEN EXTRACT(HOUR FROM date_time) <= 6 OR EXTRACT(HOUR FROM date_time) >= 20 THEN 'nightTime'
       ELSE 'otherTime' END AS bid_time_type,
  date_time, extra,
  LENGTH(extra) - LENGTH(REPLACE(extra, 'c', '')) AS c_counts      -- count_char() UDF in the original
FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000;
