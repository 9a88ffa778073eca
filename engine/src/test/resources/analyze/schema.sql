CREATE TABLE customers (
  id int4 PRIMARY KEY, name text NOT NULL, region varchar(20), joined date, credit numeric(12,2),
  active bool, score float8, note json);
CREATE TABLE orders (
  id int8 PRIMARY KEY, customer int4, placed timestamp, placed_tz timestamptz, total numeric,
  state char(3), priority int2, weight float4, token uuid, raw bytea);
CREATE TABLE items (order_id int8, line int4, product int4, amount int4, price numeric(10,2),
  PRIMARY KEY (order_id, line));
CREATE TABLE products (id int4 PRIMARY KEY, name varchar(30), parent int4, tags text[]);
-- A hole where a column was, and no key.
CREATE TABLE events (kind text, dropped int4, at timestamp, value int8);
ALTER TABLE events DROP COLUMN dropped;
CREATE TABLE "Odd ""names"" (x)" ("order" int4, "a.b" text, "ünï" int4);
CREATE VIEW active_customers AS SELECT c.id, c.name, c.region FROM customers c WHERE c.active;
CREATE VIEW order_totals (customer, spent, n) AS
  SELECT o.customer, sum(o.total), count(*) FROM orders o GROUP BY o.customer;

INSERT INTO customers VALUES
  (1, 'Ada', 'north', '2024-01-05', 100.50, true, 1.5, NULL),
  (2, 'Bob', 'south', '2023-06-30', NULL, false, -0.25, NULL),
  (3, 'Cyd', NULL, NULL, 0.00, NULL, NULL, NULL),
  (4, 'Dan', 'north', '2025-12-31', 7.10, true, 2.25, NULL),
  (5, 'ada', 'East', '2024-01-05', -3.00, true, 0, NULL);
INSERT INTO orders VALUES
  (10, 1, '2024-02-01 10:00', '2024-02-01 10:00+00', 12.50, 'NEW', 1, 1.5, '00000000-0000-0000-0000-00000000000a', '\x00ff'),
  (11, 1, '2024-02-29 23:59:59.5', '2024-02-29 23:59:59.5+00', 7.5, 'OK', 2, 0.25, NULL, '\x'),
  (12, 2, '2024-03-01', '2024-03-01+00', 100, 'OK', 1, NULL, '00000000-0000-0000-0000-00000000000b', NULL),
  (13, 4, NULL, NULL, NULL, NULL, NULL, 2, NULL, '\x5c27'),
  (14, 9, '2024-03-02', '2024-03-02 12:00+00', 1.000, 'NEW', 3, 1, NULL, NULL),
  (15, NULL, '2023-12-31 00:00', '2023-12-31+00', -4.25, 'BAD', 2, -1, NULL, '\x00ff');
INSERT INTO items VALUES
  (10, 1, 100, 2, 3.00), (10, 2, 101, 1, 6.50), (11, 1, 100, 5, 1.50),
  (12, 1, 102, 10, 10.00), (12, 2, 100, NULL, 1.00), (14, 1, 999, 1, NULL);
INSERT INTO products VALUES
  (100, 'apple', NULL, NULL), (101, 'pear', 100, NULL), (102, 'fig', 100, NULL), (103, 'kiwi', 102, NULL);
INSERT INTO events VALUES
  ('click', '2024-01-01 00:00', 1), ('click', '2024-01-01 00:00', 1), ('view', NULL, 5),
  (NULL, '2024-01-02 03:04:05', NULL), ('view', '2024-01-03', -2);
INSERT INTO "Odd ""names"" (x)" VALUES (1, 'x', 7), (2, NULL, 7), (1, 'y', NULL);
CREATE TABLE lists (
  id int4 PRIMARY KEY, tags text[], numbers int4[], document jsonb, low int4, high int4, note text);
INSERT INTO lists VALUES
  (1, '{red,green,red}', '{3,1,2}', '{"a": 1, "b": [1, 2]}', 1, 3, 'one two'),
  (2, '{}', '{{1,2},{3,NULL}}', '[{"a": 5, "b": "x"}, {"a": null, "c": 1}]', 5, 4, ''),
  (3, NULL, NULL, NULL, NULL, 2, NULL),
  (4, ARRAY['', NULL, 'a,b', '"q"', 'NULL'], '[0:1]={7,7}', '[]', -1, 1, 'x'),
  (5, '{green}', '{}', '{}', 2, 2, 'a  b');
CREATE TYPE place AS (street text, zip int4, "Odd ""f" int4);
CREATE TABLE shops (id int4 PRIMARY KEY, at place, codes text[], host inet, opens time);
CREATE VIEW local_shops AS SELECT s.id, s.host << '10.0.0.0/8'::inet AS local FROM shops s;
INSERT INTO shops VALUES
  (1, '("a b",100,1)', '{x1,y22}', '10.1.2.3', '08:00'), (2, '(,,)', '{}', NULL, NULL),
  (3, NULL, NULL, '192.168.0.1/24', '24:00');
