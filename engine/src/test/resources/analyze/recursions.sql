WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 1 FROM t WHERE n < 3) SELECT n FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 1 FROM t WHERE n < 4) SELECT n FROM t
WITH RECURSIVE t(n) AS (SELECT 2 UNION SELECT n + 1 FROM t WHERE n < 4) SELECT n FROM t
WITH RECURSIVE t(n) AS (VALUES (1) UNION SELECT n + 1 FROM t WHERE n < 9) SELECT c.id FROM customers c JOIN t ON t.n = c.id
WITH RECURSIVE t(n, s) AS (VALUES (1, 'a'::text), (2, 'b') UNION SELECT n + 2, s || n FROM t WHERE n < 9) SELECT n, s FROM t
WITH RECURSIVE t(id, name, above) AS (SELECT id, name, parent FROM products UNION ALL SELECT t.id, t.name, p.parent FROM t JOIN products p ON p.id = t.above) SELECT id, name, above FROM t
WITH RECURSIVE t(id, name, above) AS (SELECT id, name, parent FROM products UNION ALL SELECT t.id, p.name, p.parent FROM t JOIN products p ON p.id = t.above) SELECT id, name, above FROM t
WITH RECURSIVE t(id, above) AS (SELECT id, parent FROM products WHERE id > 101 UNION ALL SELECT t.id, p.parent FROM t JOIN products p ON p.id = t.above) SELECT id, above FROM t
WITH RECURSIVE t(id, above) AS (SELECT id, parent FROM products UNION ALL SELECT t.id, p.parent FROM t JOIN products p ON p.id = t.above WHERE t.id > 101) SELECT id, above FROM t
WITH RECURSIVE t(id, above) AS (SELECT id, parent FROM products UNION ALL SELECT t.id, p.parent FROM t JOIN products p ON p.id = t.above AND t.id > 102) SELECT id, above FROM t
WITH RECURSIVE t(id, path) AS (SELECT id, name::text FROM products WHERE parent IS NULL UNION ALL SELECT p.id, t.path || '/' || p.name FROM products p, t WHERE p.parent = t.id) SELECT path, id FROM t
WITH RECURSIVE t(id, depth) AS (SELECT id, 0 FROM products WHERE parent IS NULL UNION ALL SELECT p.id, depth + 1 FROM products p JOIN t ON p.parent = t.id) SELECT depth, count(*) AS n, min(id) AS least FROM t GROUP BY depth HAVING count(*) > 1
WITH RECURSIVE t(a, b) AS (SELECT parent, id FROM products WHERE parent IS NOT NULL UNION (WITH w AS (SELECT a, b FROM t) SELECT x.a, y.b FROM w x JOIN w y ON x.b = y.a)) SELECT a, b FROM t
WITH RECURSIVE t(a, b) AS (SELECT parent, id FROM products WHERE parent IS NOT NULL UNION (WITH w AS (SELECT a, b FROM t) SELECT x.a, y.b FROM w x LEFT JOIN w y ON x.b = y.a)) SELECT a, b FROM t
WITH RECURSIVE t AS (SELECT id, parent FROM products UNION SELECT t.id, p.parent FROM t JOIN products p ON p.id = t.parent), u AS (SELECT id, count(*) AS n FROM t GROUP BY id) SELECT t.id, t.parent, u.n FROM t JOIN u USING (id)
WITH RECURSIVE t AS (SELECT id, parent FROM products UNION SELECT t.id, p.parent FROM t JOIN products p ON p.id = t.parent), s(n) AS (SELECT 100 UNION ALL SELECT t.id FROM s JOIN t ON t.parent = s.n WHERE s.n < 103) SELECT n FROM s
WITH RECURSIVE t(id) AS (SELECT id FROM products WHERE parent IS NULL UNION SELECT p.id FROM products p JOIN t ON p.parent = t.id WHERE EXISTS (SELECT FROM items i WHERE i.product = p.id)) SELECT id FROM t
WITH RECURSIVE t(id) AS (SELECT id FROM products WHERE parent IS NULL UNION SELECT p.id FROM products p JOIN t ON p.parent = t.id WHERE NOT EXISTS (SELECT FROM items i WHERE i.product = p.id)) SELECT id FROM t
WITH RECURSIVE t(id, total) AS (SELECT id, 0::numeric FROM products WHERE parent IS NULL UNION SELECT p.id, (SELECT sum(i.price) FROM items i WHERE i.product = p.id) FROM products p JOIN t ON p.parent = t.id) SELECT id, total FROM t
WITH RECURSIVE t(id, price) AS (SELECT id, NULL::numeric(10,2) FROM products WHERE parent IS NULL UNION SELECT p.id, i.price FROM t JOIN products p ON p.parent = t.id LEFT JOIN items i ON i.product = p.id AND i.amount > 1) SELECT id, price FROM t
WITH RECURSIVE t(n, x) AS (SELECT 1::int8, 1.0 UNION ALL SELECT n + 1, x * 1.50 FROM t WHERE n < 4) SELECT n, x FROM t
WITH RECURSIVE t(n, k) AS (SELECT id, 1 FROM products UNION ALL SELECT max(x.n), max(x.k) + 1 FROM (SELECT n, k FROM t WHERE k < 3) x HAVING max(x.k) < 3) SELECT n, k FROM t
WITH RECURSIVE t(n, k) AS (SELECT id, 1 FROM products UNION ALL SELECT DISTINCT n, k + 1 FROM t WHERE k < 3) SELECT n, k FROM t
WITH RECURSIVE t(n, k) AS (SELECT id, 1 FROM products UNION ALL (SELECT n, k + 1 FROM t WHERE k < 3 ORDER BY n DESC LIMIT 2)) SELECT n, k FROM t
WITH RECURSIVE t(n, k) AS (SELECT id, 1 FROM products UNION ALL SELECT n, k + row_number() OVER (ORDER BY n)::int FROM t WHERE k < 3) SELECT n, k FROM t
WITH RECURSIVE t(n) AS (SELECT id FROM products UNION (SELECT parent FROM products EXCEPT SELECT id FROM customers) UNION SELECT n + 1 FROM t WHERE n < 105) SELECT n FROM t
WITH RECURSIVE t(n, u) AS (SELECT id, NULL::int FROM lists UNION SELECT t.n, x FROM t JOIN lists l ON l.id = t.n, unnest(l.numbers) x) SELECT n, u FROM t
WITH RECURSIVE t(n) AS (WITH w AS (SELECT id FROM products) SELECT id FROM w UNION SELECT parent FROM t JOIN products p ON p.id = t.n) SELECT n FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT x.m FROM t, LATERAL (SELECT t.n + 1 AS m UNION ALL SELECT t.n + 2) x WHERE x.m < 5) SELECT n FROM t
SELECT c.id, c.id IN (WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 2 FROM t WHERE n < 4) SELECT n FROM t) AS odd FROM customers c
SELECT c.id, (SELECT count(*) FROM (WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 2 FROM t WHERE n < 9) SELECT n FROM t) x WHERE x.n > c.id) AS n FROM customers c
