SELECT c.id, l.x FROM customers c, LATERAL (SELECT c.id + 1 AS x) l
SELECT c.id, l.x FROM customers c CROSS JOIN LATERAL (SELECT o.total AS x FROM orders o WHERE o.customer = c.id) l
SELECT c.id, l.x, l.y FROM customers c JOIN LATERAL (SELECT o.total + c.credit AS x, o.id AS y FROM orders o WHERE o.customer = c.id) l ON l.y > 10
SELECT c.id, l.x, l.y FROM customers c LEFT JOIN LATERAL (SELECT coalesce(o.total, 0) AS x, c.id AS y, 1 AS one FROM orders o WHERE o.customer = c.id) l ON true
SELECT c.id, l.x, l.y FROM customers c LEFT JOIN LATERAL (SELECT o.total AS x, o.id AS y FROM orders o WHERE o.customer = c.id) l ON l.y > 10 AND c.active
SELECT c.id, l.n, l.s FROM customers c, LATERAL (SELECT count(*) AS n, sum(o.total) AS s FROM orders o WHERE o.customer = c.id) l
SELECT c.id, l.n FROM customers c LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer = c.id) l ON l.n > 1
SELECT c.name, l.id, l.total FROM customers c, LATERAL (SELECT o.id, o.total FROM orders o WHERE o.customer = c.id ORDER BY o.total DESC NULLS LAST, o.id LIMIT 1) l
SELECT c.name, l.id FROM customers c LEFT JOIN LATERAL (SELECT o.id FROM orders o WHERE o.customer = c.id ORDER BY o.id LIMIT 2) l ON true
SELECT c.id, l.state, l.n FROM customers c, LATERAL (SELECT o.state, count(*) AS n FROM orders o WHERE o.customer > c.id GROUP BY o.state) l
SELECT c.id, l.n FROM customers c, LATERAL (SELECT row_number() OVER (ORDER BY o.id) AS n FROM orders o WHERE o.customer = c.id) l
SELECT c.id, a.x, b.y FROM customers c, LATERAL (SELECT c.id * 2 AS x) a, LATERAL (SELECT a.x + c.id AS y) b
SELECT c.id, a.id AS o, b.line FROM customers c JOIN LATERAL (SELECT o.id FROM orders o WHERE o.customer = c.id) a ON true LEFT JOIN LATERAL (SELECT i.line FROM items i WHERE i.order_id = a.id AND i.line >= c.id) b ON true
SELECT c.id, l.x FROM customers c, LATERAL (SELECT c.region AS x UNION ALL SELECT c.name) l
SELECT c.id, l.x FROM customers c, LATERAL (VALUES (c.id), (c.id + 10)) l(x)
SELECT c.id, l.x FROM customers c, LATERAL (SELECT 1 AS x WHERE c.active) l
SELECT c.id, l.id AS o FROM customers c, LATERAL (SELECT id FROM orders WHERE total > 5) l
SELECT c.region, sum(l.s) AS s FROM customers c, LATERAL (SELECT sum(o.total) AS s FROM orders o WHERE o.customer = c.id) l WHERE l.s > 0 GROUP BY c.region
SELECT c.id, (SELECT max(l.x) FROM orders o, LATERAL (SELECT o.total + c.id AS x) l WHERE o.customer = c.id) AS m FROM customers c
SELECT p.id, l.n FROM products p, LATERAL (SELECT count(*) AS n FROM products q WHERE q.parent = p.id AND EXISTS (SELECT 1 FROM items i WHERE i.product = q.id AND i.order_id <> p.id)) l
