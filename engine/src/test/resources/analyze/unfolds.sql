SELECT g FROM generate_series(1, 3) g
SELECT l.id, u FROM lists l, unnest(l.tags) u
SELECT l.id, u.tag, u.n FROM lists l, unnest(l.tags) WITH ORDINALITY u (tag, n)
SELECT l.id, u FROM lists l CROSS JOIN LATERAL unnest(l.numbers) u WHERE u > l.low
SELECT l.id, u FROM lists l LEFT JOIN LATERAL unnest(l.tags) u ON true
SELECT l.id, u.x, u.n FROM lists l LEFT JOIN LATERAL unnest(l.numbers) WITH ORDINALITY u (x, n) ON u.x > l.low AND u.n < 3
SELECT l.id, u FROM lists l JOIN unnest(l.numbers) u ON u = l.id
SELECT l.id, a, b FROM lists l, unnest(l.tags) a, unnest(l.numbers) b
SELECT l.id, z.* FROM lists l, ROWS FROM (unnest(l.tags), unnest(l.numbers), generate_series(l.low, l.high)) WITH ORDINALITY z (a, b, c, n)
SELECT l.id, u.a, u.b FROM lists l, unnest(l.tags, l.numbers) u (a, b)
SELECT l.id, g FROM lists l, generate_series(l.low, l.high) g
SELECT l.id, g FROM lists l, generate_series(l.high, l.low, -1) g
SELECT l.id, g FROM lists l, generate_series(l.low::int8, l.high + 3, 2) g
SELECT l.id, g FROM lists l, generate_series(l.low::numeric, 2.50, 0.5) g
SELECT l.id, g, h FROM lists l, generate_series(l.low, l.high) g, generate_series(1, g) h
SELECT l.id, u FROM lists l, upper(l.note) u
SELECT l.id, u, n FROM lists l, upper(l.note) WITH ORDINALITY u (u, n)
SELECT g, l.id FROM generate_series(0, 4) g JOIN lists l ON l.id = g
SELECT g, l.id FROM generate_series(0, 4) g LEFT JOIN lists l ON l.low = g
SELECT l.id FROM lists l WHERE EXISTS (SELECT 1 FROM unnest(l.numbers) u WHERE u > l.low)
SELECT l.id FROM lists l WHERE NOT EXISTS (SELECT 1 FROM unnest(l.tags) u WHERE u = 'red')
SELECT l.id FROM lists l WHERE 2 IN (SELECT u FROM unnest(l.numbers) u)
SELECT l.id FROM lists l WHERE l.id NOT IN (SELECT u FROM unnest(l.numbers) u)
SELECT l.id, (SELECT sum(u) FROM unnest(l.numbers) u) AS s, (SELECT count(*) FROM unnest(l.tags)) AS n FROM lists l
SELECT l.id, (SELECT u FROM unnest(l.numbers) WITH ORDINALITY u (u, n) WHERE n = 2) AS second FROM lists l
SELECT l.id, (SELECT string_agg(u, '-' ORDER BY u) FROM unnest(l.tags) u) AS s FROM lists l
SELECT l.id, x.s FROM lists l, LATERAL (SELECT sum(u) AS s FROM unnest(l.numbers) u WHERE u <> l.id) x
SELECT l.id, x.y FROM lists l, LATERAL (SELECT u + 1 AS y FROM unnest(l.numbers) u WHERE u > 1) x
SELECT l.id, x.y FROM lists l LEFT JOIN LATERAL (SELECT u + 1 AS y FROM unnest(l.numbers) u WHERE u > 1) x ON true
SELECT l.id, x.u FROM lists l, LATERAL (SELECT u FROM unnest(l.numbers) u ORDER BY u DESC NULLS LAST LIMIT 2) x
SELECT l.id, x.u, x.r FROM lists l, LATERAL (SELECT u, row_number() OVER (ORDER BY u) AS r FROM unnest(l.numbers) u) x
SELECT c.id, l.id AS list FROM customers c JOIN lists l ON EXISTS (SELECT 1 FROM unnest(l.numbers) u, generate_series(l.low, l.high) g WHERE u = g AND g = c.id)
SELECT l.id, m.id AS other FROM lists l, lists m, unnest(l.numbers) u WHERE u = m.id
SELECT l.id, p.id AS product FROM lists l, unnest(l.numbers) u LEFT JOIN products p ON p.id = 99 + u
SELECT l.id, p.id AS product, u FROM lists l LEFT JOIN products p ON p.id = 99 + l.id, generate_series(100, p.id) u
SELECT u, count(*) AS n FROM lists l, unnest(l.tags) u GROUP BY u HAVING count(*) > 0
SELECT DISTINCT u FROM lists l, unnest(l.numbers) u
SELECT u FROM lists l, unnest(l.numbers) u UNION SELECT g FROM generate_series(1, 2) g
WITH t AS (SELECT l.id, u FROM lists l, unnest(l.numbers) u) SELECT a.id, b.u FROM t a JOIN t b ON a.u = b.u
SELECT l.id, count(u) AS n FROM lists l LEFT JOIN unnest(l.tags) u ON u <> 'red' GROUP BY l.id
SELECT count(*) AS n FROM lists l LEFT JOIN unnest(l.tags) u ON true, unnest(l.numbers) v
SELECT l.id, u FROM lists l, unnest(l.tags) u WHERE 10 / l.id > 3
SELECT l.id, a.u, b.v FROM lists l CROSS JOIN LATERAL (SELECT u FROM unnest(l.tags) u) a LEFT JOIN LATERAL (SELECT v FROM unnest(l.numbers) v WHERE v::text <> a.u) b ON b.v > 1
SELECT l.id FROM lists l WHERE EXISTS (SELECT FROM lists m WHERE EXISTS (SELECT FROM unnest(m.numbers) u WHERE u = l.id))
SELECT l.id FROM lists l WHERE EXISTS (SELECT FROM unnest(l.numbers) u WHERE EXISTS (SELECT FROM generate_series(1, u) g WHERE g = l.id))
SELECT l.id FROM lists l WHERE EXISTS (SELECT FROM lists m LEFT JOIN unnest(l.numbers) u ON u = m.id WHERE u IS NULL)
SELECT id, unnest(tags) AS tag FROM lists
SELECT id, unnest(numbers) + 1 AS x, generate_series(low, high) AS y, unnest(numbers) AS z FROM lists
SELECT id, generate_series(1, unnest(numbers)) AS x FROM lists
SELECT id, generate_series(1, unnest(numbers)) AS x, unnest(tags) AS tag FROM lists
SELECT unnest(tags) AS tag, count(*) AS n FROM lists GROUP BY tag
SELECT unnest(tags) AS tag, count(*) AS n, generate_series(1, 2) AS g FROM lists GROUP BY 1
SELECT count(*) AS n, unnest(numbers) % 2 AS odd FROM lists GROUP BY odd HAVING count(*) > 1
SELECT generate_series(1, max(high)) AS g, count(*) AS n FROM lists
SELECT id, generate_series(1, row_number() OVER (ORDER BY id)) AS g FROM lists
SELECT DISTINCT unnest(numbers) AS x FROM lists
SELECT id, unnest(numbers) AS x FROM lists ORDER BY x DESC NULLS LAST, id LIMIT 3
SELECT x.tag, x.id FROM (SELECT id, unnest(tags) AS tag FROM lists) x WHERE x.tag = 'red'
SELECT id FROM lists WHERE id IN (SELECT unnest(m.numbers) FROM lists m WHERE m.low < lists.high)
SELECT id, (SELECT count(*) FROM (SELECT unnest(lists.tags)) t) AS n FROM lists
SELECT generate_series(1, 3) AS g
SELECT unnest(numbers) AS x FROM lists UNION ALL SELECT generate_series(1, 2)
SELECT id, unnest(tags) AS tag, unnest(numbers) AS x FROM lists GROUP BY id, unnest(tags), unnest(numbers)
SELECT unnest(tags) AS tag, low, count(*) AS n FROM lists GROUP BY ROLLUP (unnest(tags), low)
SELECT id, unnest(numbers) AS x FROM lists ORDER BY id
SELECT c.id, o.id AS o, l.x FROM customers c, orders o JOIN LATERAL (SELECT c.id + o.id AS x) l ON true
SELECT l.id, x.u, x.n FROM lists l, LATERAL (SELECT u, count(*) AS n FROM unnest(l.tags) u GROUP BY u) x
SELECT l.id, a, b, p.id AS product FROM lists l, unnest(l.numbers) a JOIN unnest(l.tags) b ON a > 1 LEFT JOIN products p ON p.id = 99 + a
SELECT l.id, (SELECT string_agg(u || '.', '-') FROM unnest(l.tags) u WHERE u <> 'green') AS s, (SELECT array_agg(n) FROM unnest(l.numbers) n) AS n FROM lists l
SELECT l.id, ARRAY(SELECT upper(u) FROM unnest(l.tags) u) AS a, ARRAY(SELECT unnest(l.numbers) - 1) AS n FROM lists l
SELECT l.id, array_agg(x) AS a FROM lists l LEFT JOIN LATERAL unnest(l.tags) x ON x <> 'red' GROUP BY l.id
