-- The queries of the Nexmark benchmark, in our dialect.

CREATE MATERIALIZED VIEW q0 AS
SELECT auction, bidder, price, date_time, extra FROM bid;
CREATE MATERIALIZED VIEW q1 AS
SELECT auction, bidder, 0.908 * price AS price, date_time, extra FROM bid;
CREATE MATERIALIZED VIEW q2 AS
SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0;
CREATE MATERIALIZED VIEW q3 AS
SELECT P.name, P.city, P.state, A.id
FROM auction AS A INNER JOIN person AS P ON A.seller = P.id
WHERE A.category = 10 AND UPPER(P.state) IN ('OR','ID','CA');
CREATE MATERIALIZED VIEW q4 AS
SELECT Q.category, AVG(Q.final) AS avg_price
FROM (SELECT MAX(B.price) AS final, A.category
      FROM auction A JOIN bid B ON A.id = B.auction
      WHERE B.date_time BETWEEN A.date_time AND A.expires
      GROUP BY A.id, A.category) AS Q
GROUP BY Q.category;
CREATE MATERIALIZED VIEW q5 AS
WITH counts AS (
  SELECT auction, COUNT(*) AS num, window_start AS ws, window_end AS we
  FROM bid
  GROUP BY auction, HOP(date_time, INTERVAL '10' SECOND, INTERVAL '2' SECOND)   -- (ts, size, slide)
), maxes AS (
  SELECT MAX(num) AS maxn, ws, we FROM counts GROUP BY ws, we
)
SELECT c.auction, c.num
FROM counts c JOIN maxes m ON c.ws = m.ws AND c.we = m.we AND c.num >= m.maxn
EMIT ON WINDOW CLOSE;
CREATE MATERIALIZED VIEW q6 AS
SELECT seller, AVG(price) OVER (PARTITION BY seller ORDER BY b_time, a_id ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS avg_price
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY a_id ORDER BY price DESC, b_time ASC, bidder, b_extra) AS rn
    FROM (SELECT A.id AS a_id, A.seller, A.category, B.price, B.bidder, B.date_time AS b_time, B.extra AS b_extra
          FROM auction A JOIN bid B ON A.id = B.auction
          WHERE B.date_time BETWEEN A.date_time AND A.expires) AS ab) AS w
WHERE rn <= 1;
CREATE MATERIALIZED VIEW q7 AS
SELECT B.auction, B.price, B.bidder, B.date_time, B.extra
FROM bid B JOIN (
  SELECT MAX(price) AS maxprice, window_end AS we
  FROM bid GROUP BY TUMBLE(date_time, INTERVAL '10' SECOND)
) AS B1 ON B.price = B1.maxprice
WHERE B.date_time BETWEEN B1.we - INTERVAL '10' SECOND AND B1.we;
CREATE MATERIALIZED VIEW q8 AS
SELECT P.id, P.name, P.ws AS starttime
FROM (SELECT id, name, window_start AS ws, window_end AS we
      FROM person GROUP BY id, name, TUMBLE(date_time, INTERVAL '10' SECOND)) AS P
JOIN (SELECT seller, window_start AS ws, window_end AS we
      FROM auction GROUP BY seller, TUMBLE(date_time, INTERVAL '10' SECOND)) AS A
ON P.id = A.seller AND P.ws = A.ws AND P.we = A.we
EMIT ON WINDOW CLOSE;
CREATE MATERIALIZED VIEW q9 AS
SELECT id, item_name, description, initial_bid, reserve, date_time, expires, seller, category, extra,
       auction, bidder, price, bid_date_time, bid_extra
FROM (SELECT A.*, B.auction, B.bidder, B.price, B.date_time AS bid_date_time, B.extra AS bid_extra,
        ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.date_time ASC, B.bidder, B.extra) AS rownum
      FROM auction A JOIN bid B ON A.id = B.auction
      WHERE B.date_time BETWEEN A.date_time AND A.expires) AS t
WHERE rownum <= 1;
CREATE MATERIALIZED VIEW q10 AS
SELECT auction, bidder, price, date_time, extra, TO_CHAR(date_time,'YYYY-MM-DD') AS dt, TO_CHAR(date_time,'HH24:MI') AS hm FROM bid;
CREATE MATERIALIZED VIEW q11 AS
SELECT bidder, COUNT(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM bid GROUP BY bidder, SESSION(date_time, INTERVAL '10' SECOND)
EMIT ON WINDOW CLOSE;
CREATE MATERIALIZED VIEW q12 AS
-- original uses processing time: TUMBLE(PROCTIME(), ...); this event-time form (as Feldera does) is checkable
SELECT bidder, COUNT(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM bid GROUP BY bidder, TUMBLE(date_time, INTERVAL '10' SECOND)
EMIT ON WINDOW CLOSE;
CREATE MATERIALIZED VIEW q13 AS
SELECT B.auction, B.bidder, B.price, B.date_time, S.value
FROM bid B JOIN side_input S ON MOD(B.auction, 10000) = S.key   -- static lookup table, side_input.csv
;
CREATE MATERIALIZED VIEW q14 AS
SELECT auction, bidder, 0.908 * price AS price,
  CASE WHEN EXTRACT(HOUR FROM date_time) >= 8 AND EXTRACT(HOUR FROM date_time) <= 18 THEN 'dayTime'
       WHEN EXTRACT(HOUR FROM date_time) <= 6 OR EXTRACT(HOUR FROM date_time) >= 20 THEN 'nightTime'
       ELSE 'otherTime' END AS bid_time_type,
  date_time, extra,
  LENGTH(extra) - LENGTH(REPLACE(extra, 'c', '')) AS c_counts      -- count_char() UDF in the original
FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000;
CREATE MATERIALIZED VIEW q15 AS
SELECT TO_CHAR(date_time,'YYYY-MM-DD') AS day,
  count(*) AS total_bids,
  count(*) FILTER (WHERE price < 10000) AS rank1_bids,
  count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
  count(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
  count(DISTINCT bidder) AS total_bidders,
  count(DISTINCT bidder) FILTER (WHERE price < 10000) AS rank1_bidders,
  count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bidders,
  count(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS rank3_bidders,
  count(DISTINCT auction) AS total_auctions,
  count(DISTINCT auction) FILTER (WHERE price < 10000) AS rank1_auctions,
  count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_auctions,
  count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions
FROM bid GROUP BY TO_CHAR(date_time,'YYYY-MM-DD');
CREATE MATERIALIZED VIEW q16 AS
SELECT channel, TO_CHAR(date_time,'YYYY-MM-DD') AS day, MAX(TO_CHAR(date_time,'HH24:MI')) AS minute,
  count(*) AS total_bids,
  count(*) FILTER (WHERE price < 10000) AS rank1_bids,
  count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
  count(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
  count(DISTINCT bidder) AS total_bidders,
  count(DISTINCT bidder) FILTER (WHERE price < 10000) AS rank1_bidders,
  count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bidders,
  count(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS rank3_bidders,
  count(DISTINCT auction) AS total_auctions,
  count(DISTINCT auction) FILTER (WHERE price < 10000) AS rank1_auctions,
  count(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_auctions,
  count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions
FROM bid GROUP BY channel, TO_CHAR(date_time,'YYYY-MM-DD');
CREATE MATERIALIZED VIEW q17 AS
SELECT auction, TO_CHAR(date_time,'YYYY-MM-DD') AS day,
  count(*) AS total_bids,
  count(*) FILTER (WHERE price < 10000) AS rank1_bids,
  count(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids,
  count(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
  MIN(price) AS min_price, MAX(price) AS max_price, AVG(price) AS avg_price, SUM(price) AS sum_price
FROM bid GROUP BY auction, TO_CHAR(date_time,'YYYY-MM-DD');
CREATE MATERIALIZED VIEW q18 AS
SELECT auction, bidder, price, channel, url, date_time, extra
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC, extra) AS rank_number FROM bid) AS t
WHERE rank_number <= 1;
CREATE MATERIALIZED VIEW q19 AS
SELECT auction, bidder, price, channel, url, date_time, extra, rank_number
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, date_time, bidder, extra) AS rank_number FROM bid) AS t
WHERE rank_number <= 10;
CREATE MATERIALIZED VIEW q20 AS
SELECT B.auction, B.bidder, B.price, B.channel, B.url, B.date_time AS bid_date_time, B.extra AS bid_extra,
  A.item_name, A.description, A.initial_bid, A.reserve, A.date_time AS auction_date_time, A.expires, A.seller, A.category, A.extra AS auction_extra
FROM bid AS B INNER JOIN auction AS A ON B.auction = A.id
WHERE A.category = 10;
CREATE MATERIALIZED VIEW q21 AS
SELECT auction, bidder, price, channel,
  CASE LOWER(channel) WHEN 'apple' THEN '0' WHEN 'google' THEN '1' WHEN 'facebook' THEN '2' WHEN 'baidu' THEN '3'
       ELSE (REGEXP_MATCH(url, '(&|^)channel_id=([^&]*)'))[2] END AS channel_id
FROM bid
WHERE (REGEXP_MATCH(url, '(&|^)channel_id=([^&]*)'))[2] IS NOT NULL
   OR LOWER(channel) IN ('apple', 'google', 'facebook', 'baidu');
CREATE MATERIALIZED VIEW q22 AS
SELECT auction, bidder, price, channel,
  SPLIT_PART(url, '/', 4) AS dir1, SPLIT_PART(url, '/', 5) AS dir2, SPLIT_PART(url, '/', 6) AS dir3
FROM bid;
CREATE MATERIALIZED VIEW q23 AS
SELECT B.bidder, B.price, B.channel, B.url, B.extra AS bid_extra, P.id AS person_id, P.name, P.email_address, P.credit_card, P.city, P.state, P.extra AS person_extra,
  A.item_name, A.description, A.initial_bid, A.reserve, A.date_time AS auction_date_time, A.expires, A.seller, A.category, A.extra AS auction_extra
FROM bid B JOIN person P ON P.id = B.bidder JOIN auction A ON A.seller = B.bidder;
