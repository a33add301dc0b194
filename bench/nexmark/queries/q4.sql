CREATE MATERIALIZED VIEW q4 AS
SELECT Q.category, AVG(Q.final) AS avg_price
FROM (SELECT MAX(B.price) AS final, A.category
      FROM auction A JOIN bid B ON A.id = B.auction
      WHERE B.date_time BETWEEN A.date_time AND A.expires
      GROUP BY A.id, A.category) AS Q
GROUP BY Q.category;
