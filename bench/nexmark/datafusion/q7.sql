SELECT B.auction, B.price, B.bidder, B.date_time, B.extra
FROM bid AS B JOIN (
  SELECT max(price) AS maxprice,
    date_bin(INTERVAL '10' SECOND, date_time) + INTERVAL '10' SECOND AS we
  FROM bid GROUP BY date_bin(INTERVAL '10' SECOND, date_time)) AS B1 ON B.price = B1.maxprice
WHERE B.date_time BETWEEN B1.we - INTERVAL '10' SECOND AND B1.we
