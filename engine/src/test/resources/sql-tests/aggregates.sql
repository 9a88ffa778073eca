-- Aggregates with FILTER, DISTINCT and ORDER BY; groups that appear, vanish and come back; HAVING; no GROUP BY at all.
CREATE TABLE sales (id int PRIMARY KEY, region text, product text, amount numeric(10, 2), sold date);
INSERT INTO sales SELECT i, (ARRAY['north', 'south', NULL])[i % 3 + 1], 'p' || i % 4, i * 1.25, date '2024-01-01' + i
FROM generate_series(1, 30) i;

SELECT pgtrickle.create_stream_table('by_region', $$
  SELECT region, count(*) AS n, count(amount) AS known, sum(amount) AS total, avg(amount) AS mean, min(amount) AS least,
         max(sold) AS latest, count(DISTINCT product) AS products, bool_or(amount > 30) AS big
  FROM sales GROUP BY region$$);
SELECT pgtrickle.create_stream_table('listed', $$
  SELECT region, string_agg(product, ',' ORDER BY id DESC) AS newest_first,
         array_agg(DISTINCT product ORDER BY product) AS products,
         sum(amount) FILTER (WHERE sold < '2024-01-15') AS early,
         jsonb_object_agg(id, amount ORDER BY id) AS amounts
  FROM sales GROUP BY region$$);
SELECT pgtrickle.create_stream_table('spread', $$
  SELECT product, stddev_samp(amount) AS s, var_pop(amount) AS v, percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) AS median,
         mode() WITHIN GROUP (ORDER BY region) AS usual
  FROM sales GROUP BY product$$);
SELECT pgtrickle.create_stream_table('busy', $$
  SELECT region, product FROM sales GROUP BY region, product HAVING count(*) > 2 AND sum(amount) < 100$$);
SELECT pgtrickle.create_stream_table('everything', $$SELECT count(*) AS n, sum(amount) AS total, max(id) AS last FROM sales$$);
SELECT pgtrickle.create_stream_table('cubes', $$
  SELECT region, product, grouping(region, product) AS level, sum(amount) AS total FROM sales GROUP BY CUBE (region, product)$$);

UPDATE sales SET amount = NULL WHERE id % 5 = 0;
DELETE FROM sales WHERE region = 'north';

UPDATE sales SET region = 'north' WHERE region IS NULL;
INSERT INTO sales VALUES (100, 'west', 'p1', 0.01, '2023-12-31'), (101, 'west', NULL, 9999.99, '2024-06-01');

DELETE FROM sales;

INSERT INTO sales VALUES (1, 'west', 'p1', 1.10, '2024-01-01'), (2, 'west', 'p1', 1.1, '2024-01-01');
