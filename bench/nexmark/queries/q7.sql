CREATE MATERIALIZED VIEW q7 AS
SELECT B.auction, B.price, B.bidder, B.date_time, B.extra
FROM bid B JOIN (
  SELECT MAX(price) AS maxprice, window_end AS we
  FROM bid GROUP BY TUMBLE(date_time, INTERVAL '10' SECOND)
) AS B1 ON B.price = B1.maxprice
WHERE B.date_time BETWEEN B1.we - INTERVAL '10' SECOND AND B1.we;
