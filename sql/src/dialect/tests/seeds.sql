-- What users asked for, as they wrote it. A `;` was added where theirs was missing.

CREATE TABLE events (
    event_id UUID PRIMARY KEY,
    event_type TEXT NOT NULL,
    payload JSONB NOT NULL,
    event_time TIMESTAMP NOT NULL DEFAULT NOW()
);
CREATE TABLE sensor_data (
    sensor_id UUID PRIMARY KEY,
    temperature FLOAT NOT NULL,
    humidity FLOAT NOT NULL,
    pressure FLOAT NOT NULL,
    recorded_at TIMESTAMP NOT NULL DEFAULT NOW()
);
-- Point query
SELECT * FROM metrics
WHERE time BETWEEN '2024-01-15T00:00:00Z' AND '2024-01-15T01:00:00Z'
  AND metric = 'cpu_usage'
  AND tags['host'] = 'web-1';

-- Aggregation with time windows
SELECT
  time_bucket('5m', time) as bucket,
  metric,
  AVG(value) as avg_value,
  MAX(value) as max_value
FROM metrics
WHERE time > now() - interval '1 hour'
GROUP BY bucket, metric;

-- Streaming query (continuous)
SUBSCRIBE TO
  SELECT time_bucket('1m', time), AVG(value)
  FROM metrics
  WHERE metric = 'cpu_usage'
  GROUP BY 1;
SELECT time_bucket('10s', time), AVG(value) FROM metrics WHERE time > now() - '1m' GROUP BY 1
;
SELECT time_bucket('5s', time), AVG(value) FROM metrics GROUP BY 1
;
CREATE STREAM trades_1m AS
SELECT symbol, SUM(volume) AS total_volume, COUNT(*) AS trade_count
FROM trades
GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE)
EMIT ON WINDOW CLOSE;
CREATE STREAM moving_avg AS
SELECT symbol, AVG(price) AS avg_price
FROM trades
GROUP BY symbol, slide(ts, INTERVAL '5' MINUTE, INTERVAL '1' MINUTE)
EMIT ON WINDOW CLOSE;
SELECT sensor_id, MAX(temp) AS peak_temp
FROM readings
GROUP BY sensor_id, hop(ts, INTERVAL '10' SECOND, INTERVAL '5' SECOND);
CREATE STREAM user_sessions AS
SELECT user_id,
       COUNT(*) AS clicks,
       MAX(ts) - MIN(ts) AS duration_ms
FROM clickstream
GROUP BY user_id, session(ts, INTERVAL '30' SECOND)
EMIT ON WINDOW CLOSE;
-- Emit running updates as a changelog (insert + retract pairs)
CREATE STREAM live_totals AS
SELECT symbol, SUM(volume) AS running_volume
FROM trades
GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE)
EMIT CHANGES;

-- Emit only the final bar when the window closes
CREATE STREAM ohlc_1m AS
SELECT symbol,
       FIRST(price) AS open, MAX(price) AS high,
       MIN(price) AS low, LAST(price) AS close,
       SUM(volume) AS volume
FROM trades
GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE)
EMIT ON WINDOW CLOSE;
-- Bounded out-of-orderness: allow up to 5 seconds of late data
CREATE SOURCE trades (
    symbol VARCHAR, price DOUBLE, volume BIGINT, ts BIGINT
) WITH (
    watermark = 'ts',
    allowed_lateness = INTERVAL '5' SECOND
);
-- Allow 10 seconds of late data before dropping
CREATE STREAM results AS
SELECT symbol, COUNT(*) AS cnt
FROM trades
GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE)
WITH (allowed_lateness = INTERVAL '10' SECOND);
CREATE SOURCE trades (
    symbol VARCHAR, price DOUBLE, volume BIGINT, ts BIGINT
) FROM KAFKA (
    brokers = '${KAFKA_BROKERS}',
    topic = 'market-trades',
    group_id = 'laminar-analytics',
    format = 'json',
    offset_reset = 'earliest'
);
CREATE SOURCE events (...) FROM KAFKA (
    brokers = '${KAFKA_BROKERS}',
    topic = 'events',
    format = 'avro',
    schema.registry.url = 'http://schema-registry:8081'
);
CREATE SINK output INTO KAFKA (
    brokers = '${KAFKA_BROKERS}',
    topic = 'trade-summaries',
    format = 'json',
    delivery.guarantee = 'exactly-once',
    compression.type = 'snappy'
) AS SELECT * FROM trade_summary;
CREATE SOURCE orders_cdc (
    id INT, customer_id INT, amount DOUBLE, status VARCHAR, ts BIGINT
) FROM POSTGRES_CDC (
    hostname = 'db.example.com',
    port = '5432',
    database = 'shop',
    slot.name = 'laminar_orders',
    publication = 'laminar_pub'
);

-- Aggregate CDC changes
CREATE STREAM customer_totals AS
SELECT customer_id, COUNT(*) AS total_orders, SUM(amount) AS total_spent
FROM orders_cdc
WHERE _op IN ('I', 'U')
GROUP BY customer_id
EMIT CHANGES;
CREATE SOURCE products_cdc (
    id INT, name VARCHAR, price DOUBLE, updated_at BIGINT
) FROM MYSQL_CDC (
    hostname = 'mysql.example.com',
    port = '3306',
    database = 'inventory',
    table = 'products',
    server_id = '12345'
);
CREATE SINK lake INTO DELTA_LAKE (
    path = 's3://my-bucket/trade_summary',
    write_mode = 'append'
) AS SELECT * FROM trade_summary;
-- Tumbling window aggregation
CREATE STREAM ohlc_1min AS
SELECT symbol,
       MIN(price) AS low, MAX(price) AS high,
       SUM(volume) AS total_volume
FROM trades
GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE);

-- Session windows (gap-based)
CREATE STREAM user_sessions AS
SELECT user_id, COUNT(*) AS clicks, MAX(ts) - MIN(ts) AS duration
FROM clickstream
GROUP BY user_id, session(ts, INTERVAL '30' SECOND);

-- Stream-to-stream joins
CREATE STREAM enriched_orders AS
SELECT o.order_id, o.symbol, t.price AS market_price
FROM orders o
JOIN trades t ON o.symbol = t.symbol
    AND t.ts BETWEEN o.ts - INTERVAL '5' SECOND AND o.ts;

-- ASOF joins for point-in-time lookups
SELECT o.*, t.price AS last_trade_price
FROM orders o
ASOF JOIN trades t MATCH_CONDITION(o.ts >= t.ts) ON o.symbol = t.symbol;

-- Cascading materialized views (MV reading from MV)
CREATE MATERIALIZED VIEW ohlc_1h AS
SELECT symbol,
       FIRST(open) AS open, MAX(high) AS high,
       MIN(low) AS low, LAST(close) AS close
FROM ohlc_1min
GROUP BY symbol, tumble(bar_start, INTERVAL '1' HOUR);

-- LAG/LEAD window functions
SELECT symbol, price,
       LAG(price, 1) OVER (PARTITION BY symbol ORDER BY ts) AS prev_price,
       price - LAG(price, 1) OVER (PARTITION BY symbol ORDER BY ts) AS delta
FROM trades;

-- Ranking functions
SELECT symbol, price,
       ROW_NUMBER() OVER (PARTITION BY symbol ORDER BY price DESC) AS rank
FROM trades;
CREATE SOURCE trades (
        symbol VARCHAR NOT NULL,
        price DOUBLE NOT NULL,
        volume BIGINT NOT NULL,
        ts BIGINT NOT NULL
    )
;
CREATE STREAM vwap AS
        SELECT symbol, SUM(price * volume) / SUM(volume) AS vwap, COUNT(*) AS trades
        FROM trades
        GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE)
;
CREATE SOURCE sensors (device_id VARCHAR, temp DOUBLE, ts BIGINT)
;
CREATE STREAM avg_temp AS
    SELECT device_id, AVG(temp) AS avg_temp, COUNT(*) AS readings
    FROM sensors
    GROUP BY device_id, tumble(ts, INTERVAL '10' SECOND)
;
-- File-based materialized table
CREATE TABLE user_analytics AS 
SELECT 
    user_id,
    COUNT(*) as order_count,
    SUM(amount) as total_spent,
    AVG(amount) as avg_order_value
FROM file:///data/orders.csv
GROUP BY user_id;

-- Kafka-based materialized table  
CREATE TABLE user_analytics AS
SELECT user_id, COUNT(*) as order_count
FROM kafka://orders-topic
GROUP BY user_id;

-- Database-based materialized table
CREATE TABLE user_analytics AS
SELECT user_id, COUNT(*) as order_count  
FROM postgres://db/orders_table
GROUP BY user_id;
-- Works with ANY datasource - Kafka, File, Database, etc.
SELECT 
    o.order_id,
    o.product,
    o.amount,
    u.name as user_name,
    u.email as user_email,
    u.subscription_tier,
    CASE 
        WHEN u.subscription_tier IN ('premium', 'enterprise') 
        THEN true 
        ELSE false 
    END as discount_eligible
FROM orders o                    -- Could be Kafka stream, file stream, etc.
JOIN user_profiles u             -- Could be Kafka table, CSV file, DB table, etc.
ON o.user_id = u.user_id;
-- User positions from Kafka (real-time trading data)
CREATE TABLE user_positions AS
SELECT 
    user_id,
    symbol,
    SUM(quantity) as position_size,
    SUM(quantity * price) as position_value
FROM kafka://trades-topic
GROUP BY user_id, symbol;

-- Reference data from CSV file (updated daily)
CREATE TABLE symbol_metadata AS
SELECT 
    symbol,
    sector,
    market_cap,
    risk_rating
FROM file:///data/symbol_reference.csv;

-- User profiles from database (CRM system)
CREATE TABLE user_profiles AS
SELECT
    user_id,
    account_type,
    risk_tolerance,
    max_position_size
FROM postgres://crm_db/user_accounts;

-- Real-time P&L calculation with mixed datasource joins
SELECT 
    t.trade_id,
    t.user_id,
    t.symbol,
    t.quantity,
    t.price,
    p.position_size,                    -- From Kafka table
    s.sector,                           -- From CSV file table  
    s.risk_rating,                      -- From CSV file table
    u.risk_tolerance,                   -- From database table
    (t.price * t.quantity) as trade_value,
    p.position_value as current_position_value
FROM kafka://live-trades-stream t       -- Kafka stream
JOIN user_positions p ON t.user_id = p.user_id AND t.symbol = p.symbol
JOIN symbol_metadata s ON t.symbol = s.symbol  
JOIN user_profiles u ON t.user_id = u.user_id
WHERE u.risk_tolerance >= s.risk_rating;
