-- Grouped by a table's key and by other columns of it, which change under the key; with a side that may be missing.
CREATE TABLE tenants (id int PRIMARY KEY, name text, plan text);
CREATE TABLE invoices (id int PRIMARY KEY, tenant int, month date, amount numeric);
INSERT INTO tenants VALUES (1, 'a', 'free'), (2, 'b', 'pro'), (3, 'c', NULL);
INSERT INTO invoices SELECT i, i % 4 + 1, date '2024-01-01' + (i % 3) * 31, i FROM generate_series(1, 30) i;
INSERT INTO invoices VALUES (100, NULL, NULL, 1), (101, NULL, '2024-01-01', 2);

SELECT pgtrickle.create_stream_table('revenue', $$
  SELECT t.id, t.name, t.plan, i.month, sum(i.amount) AS total FROM tenants t JOIN invoices i ON i.tenant = t.id
  GROUP BY t.id, t.name, t.plan, i.month$$);
SELECT pgtrickle.create_stream_table('outer_revenue', $$
  SELECT i.tenant, t.name, count(*) AS n FROM invoices i LEFT JOIN tenants t ON t.id = i.tenant GROUP BY i.tenant, t.name$$);
SELECT pgtrickle.create_stream_table('by_right_key', $$
  SELECT t.id, t.plan, i.month, count(*) AS n FROM invoices i LEFT JOIN tenants t ON t.id = i.tenant GROUP BY 1, 2, 3$$);
SELECT pgtrickle.create_stream_table('full_revenue', $$
  SELECT t.id, t.name, i.tenant, count(*) AS n FROM tenants t FULL JOIN invoices i ON t.id = i.tenant GROUP BY 1, 2, 3$$);
SELECT pgtrickle.create_stream_table('conditional', $$
  SELECT i.tenant, t.name, count(*) AS n FROM invoices i LEFT JOIN tenants t ON t.id = i.tenant AND i.amount > 10 GROUP BY 1, 2$$);
SELECT pgtrickle.create_stream_table('seen', $$
  SELECT DISTINCT t.id, t.name, t.plan, i.month FROM tenants t JOIN invoices i ON i.tenant = t.id$$);

UPDATE tenants SET name = name || name, plan = coalesce(plan, 'new');

UPDATE tenants SET id = id + 10 WHERE id = 1;
INSERT INTO tenants VALUES (1, 'again', 'pro');

DELETE FROM tenants WHERE id = 2;
UPDATE invoices SET tenant = 1 WHERE tenant IS NULL;

INSERT INTO tenants VALUES (2, 'again', 'pro'), (4, NULL, NULL);
UPDATE invoices SET tenant = NULL WHERE id % 3 = 0;

UPDATE tenants SET name = 'x';
DELETE FROM invoices WHERE id % 2 = 0;
