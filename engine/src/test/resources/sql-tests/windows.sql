-- Window functions over partitions that grow, shrink and swap rows.
CREATE TABLE readings (id int PRIMARY KEY, sensor int, taken timestamp, value float8);
INSERT INTO readings SELECT i, i % 3, timestamp '2024-01-01' + i * interval '17 min', sin(i) FROM generate_series(1, 30) i;

SELECT pgtrickle.create_stream_table('ranked', $$
  SELECT id, row_number() OVER w AS n, rank() OVER (PARTITION BY sensor ORDER BY value) AS r,
         lag(value) OVER w AS before, lead(value, 2, 0.0) OVER w AS after, first_value(id) OVER w AS first
  FROM readings WINDOW w AS (PARTITION BY sensor ORDER BY taken, id)$$);
SELECT pgtrickle.create_stream_table('moving', $$
  SELECT id, count(*) OVER (PARTITION BY sensor ORDER BY taken, id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS n,
         max(value) OVER (PARTITION BY sensor ORDER BY taken RANGE BETWEEN interval '1 hour' PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW) AS hour
  FROM readings$$);
SELECT pgtrickle.create_stream_table('portions', $$
  SELECT id, ntile(4) OVER (ORDER BY id) AS quarter, cume_dist() OVER (PARTITION BY sensor ORDER BY taken) AS part
  FROM readings$$);

DELETE FROM readings WHERE id IN (1, 2, 15);

UPDATE readings SET taken = taken - interval '3 hours' WHERE id % 4 = 0;
INSERT INTO readings VALUES (100, 1, NULL, 'NaN'), (101, 1, NULL, NULL);

UPDATE readings SET sensor = 1;

DELETE FROM readings WHERE id > 3;
