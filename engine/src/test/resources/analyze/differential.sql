SELECT id, name FROM customers
SELECT * FROM customers
SELECT id, credit * 2 AS twice, credit + 1 FROM customers WHERE active
SELECT c.name, o.total FROM customers c JOIN orders o ON o.customer = c.id
SELECT c.name, o.total FROM customers c, orders o WHERE o.customer = c.id AND o.total > 5
SELECT c.region, count(*) AS n, sum(o.total) AS spent FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.region
SELECT c.region, count(*) FROM customers c JOIN orders o ON o.customer = c.id JOIN items i ON i.order_id = o.id JOIN products p ON p.id = i.product GROUP BY c.region
SELECT count(*), count(credit) AS c, sum(credit), avg(credit), min(credit), max(credit) FROM customers
SELECT count(*) FROM customers WHERE false
SELECT region, count(*) FROM customers GROUP BY region HAVING count(*) > 1
SELECT region, sum(id) + 1 AS s, max(joined) FROM customers GROUP BY region HAVING min(id) < 4
SELECT upper(state), count(*) FROM (SELECT state FROM orders) s GROUP BY upper(state)
SELECT id % 2 AS parity, sum(id) FROM customers GROUP BY id % 2
SELECT (id % 2) * 10 AS tens, sum(id) FROM customers GROUP BY id % 2
SELECT 'all' AS label, count(*) FROM orders GROUP BY 1
SELECT DISTINCT region FROM customers
SELECT DISTINCT c.region, o.state FROM customers c JOIN orders o ON o.customer = c.id
SELECT id FROM customers UNION ALL SELECT customer FROM orders
SELECT id FROM customers UNION SELECT customer FROM orders
SELECT id FROM customers UNION ALL SELECT id FROM orders UNION SELECT priority FROM orders
SELECT id, 1.5 AS x FROM customers UNION ALL SELECT priority, total FROM orders
SELECT name FROM customers UNION ALL SELECT name FROM products
SELECT name FROM products UNION SELECT region FROM customers
SELECT 1 AS a, 'x' AS b
SELECT 1 AS a WHERE false
SELECT p, q FROM (VALUES (1, 'a'), (2, NULL), (3, 'c')) v(p, q) WHERE p > 1
VALUES (1, 2.50), (3, NULL)
SELECT c.name, v.label FROM customers c JOIN (VALUES (true, 'yes'), (false, 'no')) v(flag, label) ON v.flag = c.active
WITH big AS (SELECT * FROM orders WHERE total > 5) SELECT c.name, b.total FROM big b JOIN customers c ON c.id = b.customer
WITH w AS (SELECT id, region FROM customers) SELECT a.id, b.id AS other FROM w a JOIN w b USING (region)
WITH a AS (SELECT id FROM customers), b AS (SELECT id FROM a WHERE id > 1), unused AS (SELECT 1 / 0 AS x) SELECT count(*) FROM b
SELECT id, name FROM customers ORDER BY lower(name)
SELECT region, count(*) FROM customers GROUP BY region ORDER BY max(id), 2 DESC
SELECT a.id, b.id AS child FROM products a JOIN products b ON b.parent = a.id
SELECT a.name, b.name AS b, c.name AS c FROM products a JOIN products b ON b.parent = a.id JOIN products c ON c.parent = b.id
SELECT * FROM customers NATURAL JOIN (SELECT 1 AS id, 'extra' AS extra) x
SELECT * FROM orders JOIN items ON items.order_id = orders.id
SELECT id, line FROM orders JOIN (SELECT order_id AS id, line FROM items) i USING (id)
SELECT s.id, s.line FROM (orders o JOIN items i ON i.order_id = o.id) AS s
SELECT c.id FROM customers c CROSS JOIN products p WHERE p.id > 101
SELECT c.id, p.id AS pid FROM customers c JOIN products p ON p.id - 99 = c.id
SELECT c.id, p.id AS pid FROM customers c JOIN products p ON p.id > c.id * 30 AND p.name LIKE '%i%'
SELECT c.id, o.id AS oid, p.id AS pid FROM customers c, products p, orders o WHERE c.id = o.customer AND p.id = o.id + 90
SELECT c.id, o.id AS oid, p.id AS pid FROM customers c, products p, orders o WHERE c.id + p.id = o.id + 90
SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer WHERE o.priority = 1 AND c.active IS NOT TRUE
SELECT id FROM orders WHERE weight = 1.5::float8 OR priority IN (2, 3) OR token IS NOT NULL
SELECT c.id FROM customers c JOIN orders o ON o.weight = c.score
SELECT id FROM orders WHERE priority = ANY ('{1,3,NULL}'::int2[])
SELECT id FROM orders WHERE priority NOT IN (1, 3)
SELECT id FROM customers WHERE region IN ('north', 'East')
SELECT id FROM customers WHERE region = ANY (ARRAY['north', 'south'])
SELECT id FROM orders WHERE state IN ('OK', 'NEW') AND id = ANY (ARRAY[10, 11, 14])
SELECT id FROM customers WHERE name LIKE 'A%' OR name ILIKE '%b%' OR name NOT LIKE '%a%'
SELECT id, CASE WHEN credit > 50 THEN 'high' WHEN credit > 0 THEN 'low' END AS band FROM customers
SELECT id, CASE region WHEN 'north' THEN 1 WHEN 'south' THEN 2 ELSE 0 END AS code FROM customers
SELECT id, CASE id % 3 WHEN 0 THEN CASE active WHEN true THEN 'a' ELSE 'b' END ELSE 'c' END AS code FROM customers
SELECT CASE count(*) WHEN 0 THEN 'none' WHEN 1 THEN 'one' ELSE 'many' END AS many, region FROM customers GROUP BY region
SELECT sum(CASE WHEN active THEN credit ELSE 0 END) AS s, region FROM customers GROUP BY region
SELECT id, COALESCE(region, name, 'none') AS place, NULLIF(id, 3) AS n, NULLIF(region, 'north') AS r FROM customers
SELECT id, GREATEST(id, 3) AS g, LEAST(credit, 10, score::numeric) AS l FROM customers
SELECT id, active IS TRUE AS a, active IS NOT FALSE AS b, active IS UNKNOWN AS c, credit IS NULL AS d FROM customers
SELECT a.id, b.id AS bid FROM customers a JOIN customers b ON a.region IS NOT DISTINCT FROM b.region AND a.id < b.id
SELECT id, name || '/' || COALESCE(region, '?') AS label, length(name) AS len, lower(name) AS low FROM customers
SELECT id, substring(name FROM 2 FOR 1) AS s, substring(name, 1, 2) AS t FROM customers
SELECT id, credit::int4 AS i, id::text AS t, id::numeric(10,1) AS n, score::float4 AS f, name::varchar(2) AS v FROM customers
SELECT date_trunc('month', placed) AS month, sum(total) FROM orders GROUP BY date_trunc('month', placed)
SELECT id, extract(year FROM placed) AS y, date_part('day', placed) AS d, placed::date AS on_day FROM orders
SELECT id FROM orders WHERE placed >= '2024-02-01' AND placed < '2024-03-01 00:00:00'
SELECT id FROM orders WHERE placed_tz BETWEEN '2024-02-01 00:00+02' AND '2024-03-01 00:00Z'
SELECT id FROM orders WHERE raw = '\x00ff' AND token <> '00000000-0000-0000-0000-00000000000a'
SELECT state, count(DISTINCT customer) AS c, sum(DISTINCT priority), count(*) FILTER (WHERE total > 5) FROM orders GROUP BY state
SELECT c.id, c.name, c.credit, count(*) AS n FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.id
SELECT c.id, upper(c.name) AS u, sum(o.total) + c.credit AS t FROM customers c JOIN orders o ON o.customer = c.id GROUP BY c.id HAVING c.active
SELECT ac.name, t.spent FROM active_customers ac JOIN order_totals t ON t.customer = ac.id
SELECT region, sum(n) FROM (SELECT region, count(*) AS n FROM customers GROUP BY region, active) g GROUP BY region
SELECT max(n) FROM (SELECT count(*) AS n FROM orders GROUP BY customer) g
SELECT g.region FROM (SELECT region, count(*) AS n FROM customers GROUP BY region) g WHERE g.region = 'north' AND g.n > 1
SELECT x FROM (SELECT DISTINCT priority AS x FROM orders) d WHERE x > 1
SELECT y + 1 AS z FROM (SELECT id * 2 AS y, name FROM customers) s WHERE y > 4 AND name <> 'x'
SELECT u.id FROM (SELECT id FROM customers UNION ALL SELECT customer FROM orders) u WHERE u.id > 1
SELECT kind, count(*) AS n, sum(value), avg(value) FROM events GROUP BY kind
SELECT kind, at, value FROM events
SELECT "order", "a.b" AS "x.y", "ünï" + 1 AS "Ü" FROM "Odd ""names"" (x)" WHERE "a.b" = 'x' OR "ünï" IS NULL
SELECT count(*) FROM customers a, customers b
SELECT 10 / id AS q FROM customers WHERE id <> 0 AND 10 / id > 2
SELECT sum(weight) AS w, avg(score) FROM orders JOIN customers ON customers.id = orders.customer
SELECT count(*) AS n FROM customers HAVING count(*) > 2
SELECT 1 AS one FROM customers HAVING true
SELECT o.state = 'OK  ' AS ok, o.state || '|' AS s, o.state::text AS t FROM orders o
SELECT -5 AS neg, -2147483648 AS low, 9223372036854775807 AS big, 1e3 AS e, 12345678901234567890.0001000 AS num, 'NaN'::numeric AS nan, '-Infinity'::float8 AS inf, 0.00001 AS small, 100000000 AS hundred, 10000.0 AS tt
SELECT true AS t, 'it''s \ "q"' AS s, E'tab\t' AS e, DATE '2024-02-29' AS d, TIMESTAMP 'infinity' AS i, TIMESTAMPTZ '2024-01-01 12:00:00.123456+03' AS z, '\xdeadbeef'::bytea AS b, '00000000-0000-0000-0000-000000000001'::uuid AS u, 'ab'::char(4) AS c
SELECT region, min(name), max(name) FROM customers GROUP BY region
SELECT min(state), max(placed), min(token::text) AS t, max(weight) AS w FROM orders
SELECT id, count(*) AS n FROM customers JOIN (SELECT id - 9 AS id, total FROM orders) o USING (id) GROUP BY id
SELECT j.id FROM customers c JOIN (SELECT id - 9 AS id FROM orders) o USING (id) AS j
SELECT name COLLATE "C" AS n FROM customers WHERE name COLLATE "C" > 'B'
SELECT name, region FROM customers WHERE name > region
SELECT (id = 1) = active AS x, NOT (active OR id > 2) AS y, id NOT BETWEEN 2 AND 3 AS z FROM customers
SELECT COALESCE(NULL, credit) AS c, NULL AS n, NULL::int4 AS i, active IS NOT DISTINCT FROM NULL AS d FROM customers
SELECT sum(x) AS s, count(DISTINCT y) AS d FROM (VALUES (1::int8, 'ü'), (2, 'ü'), (3, 'é')) v(x, y)
SELECT a, b FROM (SELECT id, name FROM customers ORDER BY name) AS s(a, b) WHERE a < 3
WITH a AS (SELECT id FROM customers) SELECT s.id FROM (WITH b AS MATERIALIZED (SELECT id FROM a) SELECT id FROM b) s
WITH a(x) AS (SELECT id FROM customers UNION SELECT customer FROM orders) SELECT x, count(*) FROM a GROUP BY x
SELECT id, tags FROM products
SELECT id, tags IS NULL AS untagged FROM products WHERE tags IS NULL
SELECT 0 - id AS n, - id AS m, @ credit AS a, + id AS p FROM customers
SELECT region || NULL AS r, 'a' || id AS s, id || '' AS t FROM customers
SELECT c.region AS "GROUP", count(*) AS "select" FROM customers c GROUP BY 1
SELECT id FROM customers WHERE (id, name) = (1, 'Ada')
SELECT id FROM customers WHERE (id, name) IN ((1, 'Ada'), (2, 'x'), (3, 'Cyd'))
SELECT max(c.n) - min(c.n) AS spread FROM (SELECT count(*) AS n FROM orders GROUP BY state) c
SELECT c.id, t.n FROM customers c JOIN (SELECT customer, count(*) AS n FROM orders GROUP BY customer HAVING count(*) > 0) t ON t.customer = c.id WHERE t.n > 1
SELECT a.id FROM customers a JOIN customers b ON a.id = b.id AND b.active JOIN customers c ON c.id = b.id AND c.credit > 1
SELECT DISTINCT x.region FROM (SELECT region FROM customers UNION ALL SELECT state FROM orders) x
SELECT CASE WHEN sum(total) > 10 THEN 'big' ELSE 'small' END AS size, customer FROM orders GROUP BY customer
SELECT customer, sum(total) / count(*) AS mean, round(avg(total), 2) AS r FROM orders WHERE total IS NOT NULL GROUP BY customer
SELECT avg(priority) AS p, avg(id) AS i, avg(weight) AS w, sum(weight) AS s, avg(total) AS t FROM orders
SELECT id FROM orders WHERE placed::date = '2024-02-29' OR placed IS NULL
SELECT c.name, o.total FROM customers c LEFT JOIN orders o ON o.customer = c.id
SELECT c.name, o.total FROM customers c RIGHT JOIN orders o ON o.customer = c.id
SELECT c.name, o.total, o.id FROM customers c FULL JOIN orders o ON o.customer = c.id
SELECT c.name, o.total FROM customers c LEFT JOIN orders o ON o.customer = c.id AND o.total > 5 AND o.priority < c.id
SELECT c.name, o.id FROM customers c LEFT JOIN orders o ON o.customer = c.id WHERE o.id IS NULL
SELECT c.name, o.id FROM customers c FULL JOIN orders o ON o.customer = c.id AND o.total > c.credit
SELECT c.name, o.id FROM customers c RIGHT JOIN orders o ON o.customer = c.id AND c.active AND o.priority > 1
SELECT c.name, o.id, i.line FROM customers c LEFT JOIN orders o ON o.customer = c.id LEFT JOIN items i ON i.order_id = o.id
SELECT c.name, o.id, i.line FROM customers c LEFT JOIN (orders o JOIN items i ON i.order_id = o.id) ON o.customer = c.id
SELECT c.region, count(o.id) AS n, min(o.total) FROM customers c LEFT JOIN orders o ON o.customer = c.id GROUP BY c.region
SELECT c.id, p.id AS pid FROM customers c LEFT JOIN products p ON p.id > c.id * 34
SELECT c.id, p.id AS pid FROM customers c LEFT JOIN products p ON true
SELECT a.id, a.name, b.parent FROM products a LEFT JOIN products b ON b.parent = a.id AND b.name <> a.name
SELECT id, name, line FROM customers LEFT JOIN (SELECT order_id - 9 AS id, line FROM items) i USING (id)
SELECT id, name, line FROM customers RIGHT JOIN (SELECT order_id - 9 AS id, line FROM items) i USING (id)
SELECT id, name, line FROM customers FULL JOIN (SELECT order_id - 9 AS id, line FROM items) i USING (id)
SELECT * FROM customers NATURAL FULL JOIN (SELECT 1 AS id, 'extra' AS extra UNION ALL SELECT 77, 'none') x
SELECT id, count(*) AS n FROM customers FULL JOIN (SELECT order_id - 9 AS id FROM items) i USING (id) GROUP BY id
SELECT c.id, x.one FROM customers c LEFT JOIN (SELECT 1 AS one, id FROM orders) x ON x.id = c.id + 9
SELECT c.id, coalesce(x.n, 0) AS n FROM customers c LEFT JOIN (SELECT customer, count(*) AS n FROM orders GROUP BY customer) x ON x.customer = c.id WHERE coalesce(x.n, 0) < 2
SELECT a.id, b.id AS b, c.id AS c FROM customers a LEFT JOIN customers b ON a.id = b.id + 1 FULL JOIN customers c ON b.id = c.id + 1 WHERE a.id > 1 OR c.id IS NOT NULL
SELECT ac.name, t.spent FROM active_customers ac LEFT JOIN order_totals t ON t.customer = ac.id
SELECT id, name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id)
SELECT id FROM customers c WHERE NOT EXISTS (SELECT * FROM orders o WHERE o.customer = c.id AND o.total > c.credit)
SELECT id, EXISTS (SELECT FROM orders o WHERE o.customer = c.id) AS ordered FROM customers c
SELECT id FROM customers WHERE id IN (SELECT customer FROM orders)
SELECT id FROM customers WHERE id NOT IN (SELECT customer FROM orders)
SELECT id FROM customers WHERE id NOT IN (SELECT customer FROM orders WHERE customer IS NOT NULL)
SELECT id, region IN (SELECT state FROM orders) AS known FROM customers
SELECT id, id NOT IN (SELECT customer FROM orders) AS idle, name = ANY (SELECT region FROM customers) AS n FROM customers
SELECT o.id FROM orders o WHERE o.total > ALL (SELECT c.credit FROM customers c WHERE c.id = o.customer)
SELECT o.id, o.total > ANY (SELECT c.credit FROM customers c) AS more, o.total <= ALL (SELECT i.price FROM items i WHERE i.order_id = o.id) AS less FROM orders o
SELECT o.id FROM orders o WHERE (o.id, o.priority) IN (SELECT i.order_id, i.line FROM items i)
SELECT o.id FROM orders o WHERE (o.customer, o.priority) NOT IN (SELECT p.parent, p.id FROM products p)
SELECT id FROM customers WHERE credit IN (SELECT priority FROM orders) OR region IN (SELECT name FROM products) OR id > 3
SELECT c.id, (SELECT max(o.total) FROM orders o WHERE o.customer = c.id) AS most FROM customers c
SELECT c.id, (SELECT count(*) FROM orders o WHERE o.customer = c.id) AS n FROM customers c
SELECT c.id, (SELECT p.name FROM products p WHERE p.id = c.id + 99) AS product FROM customers c
SELECT c.id FROM customers c WHERE c.credit > (SELECT avg(credit) FROM customers)
SELECT c.id FROM customers c WHERE c.credit < (SELECT 0.5 * sum(o.total) FROM orders o WHERE o.customer = c.id)
SELECT o.id, i.line FROM orders o JOIN items i ON i.order_id = o.id WHERE i.amount >= (SELECT 0.2 * avg(i2.amount) FROM items i2 WHERE i2.product = i.product)
SELECT c.id, CASE WHEN c.active THEN (SELECT min(o.id) FROM orders o WHERE o.customer = c.id) ELSE (SELECT -1) END AS first FROM customers c
SELECT c.id, coalesce((SELECT sum(i.amount) FROM orders o JOIN items i ON i.order_id = o.id WHERE o.customer = c.id), 0) AS amount FROM customers c
SELECT c.id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id AND EXISTS (SELECT 1 FROM items i WHERE i.order_id = o.id AND i.amount > c.id))
SELECT c.id FROM customers c WHERE EXISTS (SELECT o.state FROM orders o WHERE o.customer = c.id GROUP BY o.state HAVING count(*) > 0)
SELECT c.id, (SELECT count(*) FROM (SELECT DISTINCT o.state FROM orders o WHERE o.customer = c.id) d) AS states FROM customers c
SELECT region, count(*) AS n FROM customers c WHERE id IN (SELECT customer FROM orders) GROUP BY region HAVING count(*) >= (SELECT min(priority) FROM orders)
SELECT c.region, (SELECT count(*) FROM customers d WHERE d.region = c.region) AS n, sum(c.credit) AS s FROM customers c GROUP BY c.region
SELECT region, sum((SELECT count(*) FROM orders o WHERE o.customer = c.id)) AS n FROM customers c GROUP BY region
SELECT c.id, o.id AS oid FROM customers c JOIN orders o ON o.customer = c.id AND o.total >= (SELECT min(total) FROM orders)
WITH late AS (SELECT * FROM orders WHERE placed > '2024-02-15') SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM late l WHERE l.customer = c.id) OR id IN (SELECT customer FROM late)
SELECT s.id FROM (SELECT id, (SELECT count(*) FROM orders o WHERE o.customer = c.id) AS n FROM customers c) s WHERE s.n > 1
SELECT id FROM active_customers a WHERE NOT EXISTS (SELECT 1 FROM order_totals t WHERE t.customer = a.id AND t.n > 1)
SELECT c.id FROM customers c WHERE 1 = (SELECT count(*) FROM orders o LEFT JOIN items i ON i.order_id = o.id AND i.line = c.id WHERE o.customer = c.id)
SELECT c.id, (SELECT x.n FROM (SELECT count(*) AS n FROM orders o WHERE o.customer = c.id) x) AS n FROM customers c
SELECT p.id FROM products p WHERE p.id = (SELECT max(q.id) FROM products q WHERE q.parent = p.parent OR q.id = p.id)
SELECT coalesce(c.id, x.id) AS id, (SELECT count(*) FROM orders o WHERE o.customer = id) AS n FROM customers c FULL JOIN (SELECT 2 AS id UNION ALL SELECT 9) x USING (id)
SELECT id FROM customers INTERSECT SELECT customer FROM orders
SELECT customer FROM orders INTERSECT ALL SELECT id FROM customers
SELECT id FROM customers EXCEPT SELECT customer FROM orders
SELECT priority FROM orders EXCEPT ALL SELECT line FROM items
SELECT id, region FROM customers EXCEPT (SELECT id, name FROM products UNION SELECT 1, 'north')
(SELECT id FROM customers UNION ALL SELECT id FROM customers) EXCEPT ALL SELECT customer FROM orders INTERSECT SELECT id FROM customers
SELECT total FROM orders INTERSECT SELECT credit FROM customers
SELECT count(*) AS n FROM (SELECT state FROM orders EXCEPT SELECT region FROM customers) x
SELECT c.id FROM customers c WHERE EXISTS (SELECT o.priority FROM orders o WHERE o.customer = c.id EXCEPT SELECT i.line FROM items i WHERE i.order_id = c.id + 9)
SELECT region, bool_and(active) AS a, bool_or(active) AS o, every(id > 1) AS e FROM customers GROUP BY region
SELECT state, bit_and(priority) AS a, bit_or(id) AS o, bit_or(customer) FILTER (WHERE total > 5) AS f FROM orders GROUP BY state
SELECT stddev(total) AS s, stddev_pop(total) AS sp, stddev_samp(priority) AS ss, variance(total) AS v, var_pop(total) AS vp, var_samp(id) AS vs FROM orders
SELECT customer, stddev(total) AS s, var_pop(total) AS v, stddev_pop(priority) AS p FROM orders GROUP BY customer
SELECT product, variance(price) AS v, stddev(price) AS s, stddev(DISTINCT amount) AS d, variance(line) AS l FROM items GROUP BY product
SELECT stddev(x) AS s, variance(x) AS v, stddev_pop(x) AS p FROM (VALUES (1e-10), (123456789.123456789), (0.5), (-77777777777777777777)) v(x)
SELECT stddev(x) AS s, variance(x) AS v FROM (VALUES (1.0), (1.00), (2)) v(x)
SELECT stddev(x) AS s, var_pop(x) AS v FROM (VALUES ('NaN'::numeric), (1)) v(x)
SELECT id, name FROM customers ORDER BY id LIMIT 3
SELECT id FROM orders ORDER BY total DESC NULLS LAST, id OFFSET 1 LIMIT 2
SELECT name FROM customers ORDER BY credit DESC, id LIMIT 2
SELECT id FROM customers ORDER BY id OFFSET 3
SELECT id, priority FROM orders ORDER BY priority FETCH FIRST 2 ROWS WITH TIES
SELECT DISTINCT ON (region) region, id FROM customers ORDER BY region, id DESC
SELECT DISTINCT ON (state) state, total, id FROM orders ORDER BY state NULLS FIRST, total DESC, id
SELECT DISTINCT region FROM customers ORDER BY region LIMIT 2
SELECT region, count(*) AS n FROM customers GROUP BY region ORDER BY count(*) DESC, region LIMIT 2
SELECT id FROM customers UNION ALL SELECT customer FROM orders ORDER BY 1 LIMIT 4
SELECT c.id, (SELECT o.total FROM orders o WHERE o.customer = c.id ORDER BY o.id DESC LIMIT 1) AS last FROM customers c
SELECT c.id FROM customers c WHERE c.id IN (SELECT o.customer FROM orders o WHERE o.customer IS NOT NULL ORDER BY o.total DESC, o.id LIMIT 3)
SELECT s.id, c.name FROM (SELECT id FROM customers ORDER BY id DESC LIMIT 2) s JOIN customers c ON c.id = s.id
SELECT id FROM customers ORDER BY id LIMIT ALL
SELECT id FROM customers ORDER BY id LIMIT ALL OFFSET 2
SELECT id FROM customers ORDER BY id LIMIT NULL OFFSET NULL
SELECT id FROM customers ORDER BY id LIMIT 0
SELECT id FROM customers ORDER BY id OFFSET 100 LIMIT 2
SELECT id FROM customers ORDER BY id LIMIT 9223372036854775807 OFFSET 1
SELECT id FROM orders ORDER BY total NULLS FIRST, id DESC LIMIT 3
SELECT name FROM customers ORDER BY name COLLATE "C" DESC LIMIT 2
SELECT id FROM customers ORDER BY lower(region), -id LIMIT 2
SELECT DISTINCT ON (region, id > 2) region, id, name FROM customers ORDER BY id > 2, region DESC, id
SELECT DISTINCT ON (state) state, id FROM orders ORDER BY state, id LIMIT 2
SELECT DISTINCT ON (region) name FROM customers WHERE id > 1 ORDER BY region, credit DESC NULLS LAST, id
WITH best AS (SELECT id, name, region FROM customers ORDER BY credit DESC NULLS LAST, id LIMIT 2) SELECT b.id, o.id AS order_id FROM best b LEFT JOIN orders o ON o.customer = b.id WHERE EXISTS (SELECT 1 FROM best x WHERE x.region = b.region)
SELECT region, max(id) AS m FROM (SELECT id, region FROM customers ORDER BY id DESC LIMIT 4) s GROUP BY region
SELECT c.id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer = c.id ORDER BY o.id OFFSET 1)
SELECT c.id FROM customers c WHERE 2 <> ALL (SELECT o.priority FROM orders o WHERE o.customer = c.id ORDER BY o.id LIMIT 2)
(SELECT id FROM customers ORDER BY id LIMIT 2) UNION ALL (SELECT id FROM orders ORDER BY id DESC LIMIT 2)
SELECT id FROM (SELECT id FROM customers ORDER BY name) s
VALUES (3), (1), (2) ORDER BY 1 LIMIT 2
SELECT region, string_agg(name, ', ' ORDER BY name COLLATE "C" DESC, id) AS names FROM customers GROUP BY region
SELECT string_agg(DISTINCT state, '/') AS a, string_agg(DISTINCT state, '/' ORDER BY state DESC) AS b FROM orders
SELECT region, array_agg(id ORDER BY credit DESC NULLS LAST, id) AS ids, array_agg(credit ORDER BY id) FILTER (WHERE id > 1) AS c FROM customers GROUP BY region
SELECT array_agg(DISTINCT region ORDER BY region NULLS FIRST) AS r, array_agg(joined ORDER BY id) AS j, array_agg(name ORDER BY id DESC) AS n FROM customers
SELECT json_agg(name ORDER BY id) AS n, jsonb_agg(credit ORDER BY id) AS c, json_agg(DISTINCT active ORDER BY active) AS v FROM customers
SELECT json_agg(x ORDER BY x) AS a, jsonb_agg(x ORDER BY x DESC) AS b FROM (VALUES (1.50), ('NaN'::numeric), (NULL), (-0.001)) v(x)
SELECT json_agg(x ORDER BY x) AS a, jsonb_agg(x ORDER BY x DESC) AS b FROM (VALUES (E'a"b\\\n\t\x01\u20ac'), ('b')) v(x)
SELECT json_agg(x ORDER BY x) AS a FROM (VALUES (1e20::float8), (-0.0), ('Infinity'), (0.1)) v(x)
SELECT mode() WITHIN GROUP (ORDER BY region) AS m, mode() WITHIN GROUP (ORDER BY region DESC) AS d FROM customers
SELECT state, percentile_disc(0.5) WITHIN GROUP (ORDER BY total) AS m, percentile_disc(0) WITHIN GROUP (ORDER BY id DESC) AS z FROM orders GROUP BY state
SELECT percentile_cont(0.3) WITHIN GROUP (ORDER BY score) AS a, percentile_cont(0.5) WITHIN GROUP (ORDER BY id) FILTER (WHERE id > 1) AS b, percentile_cont(NULL) WITHIN GROUP (ORDER BY id) AS n FROM customers
SELECT string_agg(name, ',' ORDER BY id) AS n, array_agg(id) AS a, mode() WITHIN GROUP (ORDER BY id) AS m FROM customers WHERE id < 0
SELECT c.id, (SELECT string_agg(o.state, ',' ORDER BY o.id) FROM orders o WHERE o.customer = c.id) AS states FROM customers c
SELECT region, count(*) AS n FROM customers GROUP BY ROLLUP (region)
SELECT count(*) AS n FROM customers GROUP BY ()
SELECT count(*) AS n, sum(id) AS s FROM customers WHERE id < 0 GROUP BY GROUPING SETS ((), ())
SELECT region, active, count(*) AS n, sum(credit) AS s, GROUPING(region, active) AS g FROM customers GROUP BY CUBE (region, active)
SELECT c.region, o.state, sum(o.total) AS t, GROUPING(o.state) AS gs, GROUPING(o.state, c.region) AS g FROM customers c JOIN orders o ON o.customer = c.id GROUP BY ROLLUP (c.region, o.state) HAVING count(*) > 1 OR GROUPING(c.region) = 1
SELECT region, extract(year FROM joined) AS y, max(name COLLATE "C") AS m FROM customers GROUP BY GROUPING SETS ((region, extract(year FROM joined)), ROLLUP (region), CUBE (extract(year FROM joined), region), ())
SELECT region, active, count(*) AS n FROM customers GROUP BY active, ROLLUP (region)
SELECT region, active, count(*) AS n FROM customers GROUP BY DISTINCT ROLLUP (region), CUBE (region, active)
SELECT COALESCE(region, 'all') AS r, count(DISTINCT active) AS n, string_agg(name, ',' ORDER BY id) AS names FROM customers GROUP BY ROLLUP (region)
SELECT s.region, s.n FROM (SELECT region, count(*) AS n FROM customers GROUP BY ROLLUP (region)) s WHERE s.region IS NULL
SELECT state, priority, count(*) AS n, (SELECT max(c.id) FROM customers c WHERE c.id <= o.priority) AS m FROM orders o GROUP BY ROLLUP ((o.state, o.priority))
SELECT c.id, (SELECT count(*) FROM (SELECT o.state FROM orders o WHERE o.customer = c.id GROUP BY ROLLUP (o.state)) x) AS n FROM customers c
SELECT region, count(*) AS n FROM customers GROUP BY ROLLUP (region) ORDER BY GROUPING(region), region LIMIT 3
SELECT lower(region) AS r, lower(region) || '!' AS loud, count(*) AS n FROM customers GROUP BY ROLLUP (lower(region))
SELECT placed + interval '1 day' AS t FROM orders
SELECT corr(y, x) AS c, regr_sxx(y, x) AS xx, regr_sxy(y, x) AS xy, regr_syy(y, x) AS yy, regr_avgx(y, x) AS ax, regr_avgy(y, x) AS ay, regr_count(y, x) AS n FROM (VALUES (1::float8, 2::float8), (3, 8), (NULL, 4)) v(x, y)
SELECT covar_pop(y, x) AS p, covar_samp(y, x) AS s, regr_slope(y, x) AS m, regr_intercept(y, x) AS b, regr_r2(y, x) AS r FROM (VALUES (1::float8, 2::float8), (3, 8)) v(x, y)
SELECT stddev_pop(x) AS s, var_samp(x) AS v, variance(x) FILTER (WHERE x > 5) AS n FROM (VALUES (1::float8), (3)) v(x)
SELECT stddev_pop(x) AS s, var_samp(x) AS v, corr(x, x) AS c FROM (VALUES (1::float4), ('NaN'), ('Infinity')) v(x)
SELECT c.id, (SELECT regr_count(o.id, o.total) FROM orders o WHERE o.customer = c.id AND o.id > c.id) AS n FROM customers c
SELECT id, regr_sxy(score, id) OVER (ORDER BY id ROWS 1 PRECEDING) AS s, var_pop(id::float8) OVER (ORDER BY id ROWS 1 PRECEDING) AS v FROM customers
SELECT sum(credit ORDER BY id) AS s, count(DISTINCT region ORDER BY region) AS n FROM customers
SELECT c.id, ARRAY(SELECT o.id FROM orders o WHERE o.customer = c.id ORDER BY o.total DESC NULLS LAST, o.id) AS o FROM customers c
SELECT ARRAY(SELECT id FROM customers ORDER BY name COLLATE "C") AS a, ARRAY(SELECT name FROM customers WHERE id > 99) AS none
SELECT c.id, ARRAY(SELECT DISTINCT o.priority FROM orders o WHERE o.customer = c.id ORDER BY o.priority) AS p, ARRAY(SELECT o.id FROM orders o WHERE o.customer <= c.id ORDER BY o.total DESC, o.id LIMIT 2) AS l FROM customers c
SELECT c.id, ARRAY(SELECT x FROM (VALUES (3), (1), (NULL)) v (x) ORDER BY x DESC) AS v, ARRAY(SELECT o.state::text FROM orders o WHERE o.customer = c.id UNION SELECT 'x' ORDER BY 1 DESC) AS s FROM customers c
SELECT id FROM customers WHERE ROW(id, name) IS NOT NULL OR ROW(region, joined) IS NULL OR ROW(name) IS NULL
SELECT c.id, o IS NOT NULL AS whole FROM customers c LEFT JOIN orders o ON o.customer = c.id WHERE o IS NULL OR (o IS NOT NULL) = c.active
SELECT array_agg(s.id) AS a FROM (SELECT id FROM customers ORDER BY name) s
SELECT ARRAY (SELECT s.id FROM (SELECT id FROM customers ORDER BY name) s) AS a
SELECT string_agg(name, ',') AS names FROM (SELECT name FROM customers ORDER BY name) s
SELECT array_agg(id) AS a FROM (SELECT id, name FROM customers ORDER BY lower(name) DESC, id LIMIT 3) x
SELECT id, row_number() OVER () AS n FROM (SELECT * FROM customers ORDER BY region DESC NULLS LAST, id DESC) s
SELECT DISTINCT ON (customer) customer, id FROM (SELECT * FROM orders ORDER BY customer, placed DESC) s
SELECT id FROM (SELECT id, name FROM customers ORDER BY name DESC) s LIMIT 2 OFFSET 1
SELECT sum(id) AS s FROM (SELECT id FROM customers ORDER BY (SELECT max(o.id) FROM orders o WHERE o.customer = customers.id)) s
SELECT array_agg(region) AS a FROM (SELECT region FROM customers GROUP BY region ORDER BY count(*) DESC, region) s
SELECT id FROM customers ORDER BY id LIMIT 1 + 2 OFFSET 1::int2
SELECT id FROM orders WHERE customer <> ALL (SELECT product FROM items)
SELECT o.id, i.line FROM orders o LEFT JOIN items i ON o.customer IS NOT DISTINCT FROM i.amount
SELECT c.id, o.id AS oid FROM customers c JOIN orders o ON c.joined = o.placed
SELECT c.name, (SELECT count(*) FROM orders o WHERE o.customer = c.id) AS n FROM customers c ORDER BY n DESC, c.name LIMIT 3
SELECT c.name FROM customers c ORDER BY (SELECT count(*) FROM orders o WHERE o.customer = c.id), c.name LIMIT 3
SELECT DISTINCT ON (n) (SELECT count(*) FROM orders o WHERE o.customer = c.id) AS n, c.name FROM customers c ORDER BY n, c.name
SELECT greatest(a.v, b.c) AS g, coalesce(a.v, b.c) AS f FROM (SELECT name::varchar AS v, id FROM customers) a LEFT JOIN (SELECT name::char(4) AS c, id FROM customers) b ON b.id = a.id + 1
SELECT doubled, count(*) AS n, min(tail) AS t FROM computed WHERE doubled > 2 GROUP BY doubled
SELECT c.id, o.id AS o FROM computed c LEFT JOIN orders o ON o.id = c.doubled
SELECT ARRAY[id] AS a, ARRAY[]::int[] AS none, ARRAY[ARRAY[id, 1], ARRAY[2, NULL]] AS two FROM customers
SELECT id FROM products WHERE name = ANY (tags) OR name <> ALL (tags)
SELECT l.id, codes::varchar(2)[] AS c, codes::varchar[] AS v, numbers::numeric[] AS n FROM shops s JOIN lists l USING (id)
SELECT ARRAY[id, 7]::text[] AS t, ARRAY[name, '5']::bpchar(2)[] AS b FROM customers
SELECT c.id FROM customers c WHERE 11 = ANY (ARRAY(SELECT o.id FROM orders o WHERE o.customer = c.id ORDER BY o.id))
SELECT id, tags @> '{x}' AS c, tags || name AS t, array_to_string(tags, ',') AS s, tags = '[2:3]={x,y}'::text[] AS e FROM products
SELECT id, name ~ '^(A|b+)[c-x]' AS m, to_char(joined, 'YYYY-MM') AS y, date_trunc('quarter', joined) AS a FROM customers
