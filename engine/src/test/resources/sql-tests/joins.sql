-- Inner joins of several tables, with a residual condition, a table joined with itself, and all inputs changing at once.
CREATE TABLE customers (id int PRIMARY KEY, name text, referred_by int);
CREATE TABLE orders (id int PRIMARY KEY, customer int, placed date, total numeric(12, 2));
INSERT INTO customers VALUES (1, 'Ada', NULL), (2, 'Bo', 1), (3, 'Cy', 1), (4, 'Di', 3);
INSERT INTO orders VALUES (10, 1, '2024-01-01', 5.00), (11, 1, '2024-01-09', 7.50), (12, 2, '2024-02-01', 5.00),
  (13, NULL, '2024-02-02', 1.00), (14, 9, '2024-02-03', 2.00);

SELECT pgtrickle.create_stream_table('by_customer', $$
  SELECT c.id, c.name, o.id AS order_id, o.total FROM customers c JOIN orders o ON o.customer = c.id$$);
SELECT pgtrickle.create_stream_table('referrals', $$
  SELECT a.name AS who, b.name AS by_whom FROM customers a JOIN customers b ON a.referred_by = b.id$$);
SELECT pgtrickle.create_stream_table('later_and_larger', $$
  SELECT x.id AS earlier, y.id AS later FROM orders x
  JOIN orders y ON x.customer = y.customer AND y.placed > x.placed AND y.total >= x.total$$);
SELECT pgtrickle.create_stream_table('pairs', $$SELECT c.name, d.name AS other FROM customers c CROSS JOIN customers d$$);

UPDATE orders SET total = total + 1 WHERE customer = 1;
UPDATE customers SET name = lower(name) WHERE id <= 2;
DELETE FROM orders WHERE id = 12;

-- Keys move, and one is given to another row in the same transaction.
UPDATE orders SET customer = 3 WHERE customer = 1;
DELETE FROM customers WHERE id = 2;
INSERT INTO customers VALUES (2, 'Eve', 4);
UPDATE customers SET referred_by = 2 WHERE id = 1;

INSERT INTO orders SELECT 100 + i, i % 5, date '2024-03-01' + i, i % 3 FROM generate_series(1, 40) i;
UPDATE orders SET customer = NULL WHERE id % 7 = 0;

TRUNCATE orders;

INSERT INTO orders VALUES (1, 3, '2025-01-01', 1), (2, 3, '2025-01-02', 1);
DELETE FROM customers WHERE id = 4;
