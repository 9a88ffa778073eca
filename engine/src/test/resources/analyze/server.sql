SELECT tags[1] AS first, tags[1:2] AS some FROM products
SELECT id FROM customers WHERE name ~ '^A' AND name !~* 'z' AND name SIMILAR TO '%a%'
SELECT steady(id) AS s FROM customers
SELECT to_jsonb(name) @> '{"a": [1, -2.50, 12345678901234567890.1, "\"\\ \u0001", null, true, [], {"x": 0.0001}], "bb": {}}'::jsonb AS b FROM customers
SELECT '"s"'::jsonb || '[1]' AS j, '{1,NULL,3}'::int[] AS a, '{a,"b\"",NULL}'::text[] AS t, '10:30:00.5'::time AS c FROM customers
SELECT jsonb_extract_path(to_jsonb(name), 'a', 'b') AS p, to_jsonb(name) #> '{a}' AS q FROM customers
SELECT name::date AS d, name::timestamptz AS z FROM customers
SELECT to_char(id, '99') AS c, format('%s-%s', name, id) AS f, sin(id) AS s, greatest(name COLLATE "en-x-icu", 'b') AS g FROM customers
WITH RECURSIVE t(id, path) AS (SELECT id, ARRAY[]::int[] FROM products WHERE parent IS NULL UNION SELECT p.id, t.path || p.parent FROM products p, t WHERE p.parent = t.id) SELECT path, id FROM t
WITH RECURSIVE t(id, label) AS (SELECT id, name::text FROM products WHERE parent IS NULL UNION SELECT p.id, format('%s, %s', t.label, p.name) FROM products p JOIN t ON p.parent = t.id) SELECT id, label FROM t
SELECT l.id, e FROM lists l, jsonb_array_elements(to_jsonb(l.tags)) e
SELECT l.id, e.x, e.n FROM lists l LEFT JOIN LATERAL jsonb_array_elements_text(to_jsonb(l.tags)) WITH ORDINALITY e (x, n) ON e.n > l.low AND e.x ~ 'e'
SELECT l.id, z.* FROM lists l, ROWS FROM (regexp_split_to_table(l.note, ' '), generate_series(1, l.low)) WITH ORDINALITY z (w, g, n)
SELECT l.id, f.key, f.value FROM lists l, json_each(json_build_object(l.note, l.low)) f
SELECT l.id, r.a, r.b FROM lists l, jsonb_to_recordset(to_jsonb(l.tags)) AS r (a int, b varchar(3))
SELECT id, regexp_split_to_table(note, ' ') AS w, regexp_matches(note, 'a', 'g') AS m FROM lists
SELECT region, json_object_agg(id, name ORDER BY id) AS o, jsonb_object_agg(id, joined) FILTER (WHERE id > 1) AS b FROM customers GROUP BY region
SELECT rank(2) WITHIN GROUP (ORDER BY id DESC) AS r, percentile_disc(ARRAY[0.1::float8, 0.5::float8]) WITHIN GROUP (ORDER BY id) AS p FROM customers
SELECT region, array_agg(tags ORDER BY c.id) AS j, json_agg(joined ORDER BY c.name COLLATE "C" DESC, c.id) AS k, sum(placed - placed) AS s FROM customers c JOIN orders o ON o.customer = c.id JOIN products p ON p.id = 99 + c.id GROUP BY ROLLUP (region)
SELECT sum(DISTINCT id ORDER BY id) AS s, count(DISTINCT name ORDER BY name) AS n, jsonb_agg(DISTINCT to_jsonb(id)) AS j FROM customers
SELECT c.id, (SELECT range_agg(int8range(o.id, o.id + 1)) FROM orders o WHERE o.customer = c.id) AS r FROM customers c
SELECT corr(DISTINCT score, id) AS c FROM customers
SELECT max(credit ORDER BY id) AS m, sum(score ORDER BY id) AS s FROM customers
SELECT id FROM customers WHERE to_jsonb(name) @? '$.a ? (@ > 1 && @ < 5 || exists (@."b c"))'
SELECT id, host << inet '10.0.0.0/24' AS a, host && '10.0.0.0/24'::cidr AS b, coalesce(host, '::1') AS c FROM shops
SELECT id, B'0101' & id::bit(4) AS b, '00001'::varbit || B'1' AS v, X'1F'::bit(8) = id::bit(8) AS x FROM customers
SELECT to_tsvector('english', name) @@ to_tsquery('simple', 'ada') AS m, 'fat & (rat | ''cat'')'::tsquery AS q, '''a b'':1A c'::tsvector AS v FROM customers
SELECT id, '$1.50'::money * id AS m, point '(1,2)' <-> point(id, 2) AS d, '[1,5)'::int4range @> id AS r, '[7,9)'::int4range @> id AS q FROM customers
SELECT id, opens > '20:00:00+02'::timetz AS z, opens = '08:00'::time(2) AS t FROM shops
SELECT id, jsonb_build_object('id', id, 'it''s \\ ü', name, 'n', NULL) AS o, json_build_array('a', id, 'b') AS a FROM customers
SELECT id, (SELECT jsonb_agg(jsonb_build_object('k', o.id) ORDER BY o.id) FROM orders o WHERE o.customer = c.id) AS o FROM customers c
SELECT id, (at).street AS s, (at).zip + 1 AS z, (at)."Odd ""f" AS f FROM shops WHERE (at).zip IS NOT NULL
SELECT id, local, '192.168.0.0/16'::inet >> '192.168.0.1'::inet AS c FROM local_shops
SELECT id, '(x,5,)'::place AS p, ('("(,",6,7)'::place).zip AS z, ARRAY['(a,1,2)'::place] IS NULL AS n FROM shops
SELECT c.id, ARRAY(SELECT ARRAY[o.id, o.priority] FROM orders o WHERE o.customer = c.id ORDER BY o.id) AS a, ARRAY(SELECT s.host FROM shops s ORDER BY s.id) AS h FROM customers c
SELECT row_to_json(o) AS j, to_jsonb(o) AS b, to_json(o.*) AS k, o::text AS t, md5(o::text) AS m FROM orders o
SELECT c.id, row_to_json(o) AS j, o IS NULL AS n, o IS NOT NULL AS m, o IS DISTINCT FROM NULL AS d FROM customers c LEFT JOIN orders o ON o.customer = c.id
SELECT row_to_json(l) AS l, to_jsonb(r) AS r FROM orders l FULL JOIN items r ON r.order_id = l.id
SELECT row_to_json(l) AS l, to_jsonb(r) AS r, to_jsonb(v) AS v FROM orders l RIGHT JOIN active_customers r ON r.id = l.customer LEFT JOIN order_totals v ON v.customer = r.id
SELECT to_jsonb(e) AS j FROM events e WHERE e IS NOT NULL
SELECT c.id, (SELECT json_agg(o ORDER BY o.id) FROM orders o WHERE o.customer = c.id) AS o FROM customers c
SELECT c.id, (SELECT jsonb_agg(w ORDER BY w.id) FROM (SELECT o.id, o.total AS "Tot ""al" FROM orders o WHERE o.customer = c.id) w) AS o FROM customers c
SELECT c.id, (SELECT coalesce(json_agg(row_to_json(w)), '[]'::json) FROM (SELECT o.id, o.state FROM orders o WHERE o.customer = c.id) AS w) AS o FROM customers c
SELECT region, json_agg(c) AS j, count(o) AS n, count(DISTINCT o) AS d, array_agg(o ORDER BY o.id) FILTER (WHERE o.id > 10) AS a FROM customers c LEFT JOIN orders o ON o.customer = c.id GROUP BY region
SELECT x.w AS w, to_jsonb(x.w) AS j, (x.w).n AS n, x.w IS NULL AS e FROM (SELECT w FROM order_totals w) x
WITH w AS (SELECT id, count(*) AS n FROM orders GROUP BY id) SELECT to_jsonb(w) AS j, w.n FROM customers c LEFT JOIN w ON w.id = c.id
SELECT to_jsonb(x) AS j FROM (SELECT id, name FROM customers UNION SELECT id, name FROM products) x (a, b)
SELECT to_jsonb(x) AS j, to_jsonb(c) AS k FROM customers c LEFT JOIN LATERAL (SELECT count(*) AS n, c.id AS i FROM orders o WHERE o.customer = c.id) x ON x.n > 1
SELECT row_to_json(v) AS j FROM (VALUES (1, 'a'), (2, NULL)) v (x, y)
SELECT l.id, row_to_json(u) AS j FROM lists l, unnest(l.tags) WITH ORDINALITY u (tag, n)
SELECT l.id, k.key, k.value FROM lists l, jsonb_each(to_jsonb(l)) k
SELECT a.id FROM customers a JOIN customers b ON a = b WHERE a <> ROW(1, 'x', NULL, NULL, NULL, NULL, NULL, NULL)
SELECT c.id, to_jsonb(c) AS j, count(*) AS n FROM order_totals v JOIN products c ON c.id = v.customer GROUP BY c.id
SELECT c.id, EXISTS (SELECT 1 FROM orders o WHERE to_jsonb(o) @> to_jsonb(ROW(c.id)) OR o.id = c.id AND c IS NOT NULL) AS e FROM customers c
SELECT to_jsonb((id, name)) AS p, row_to_json(ROW(id, 'x', NULL, ROW(name))) AS q, ROW(id, name)::text AS t, json_build_object('r', (id, region)) AS b FROM customers
SELECT region, jsonb_agg((id, name) ORDER BY id) AS a, json_object_agg(id, (name, credit) ORDER BY id) AS o FROM customers GROUP BY region
SELECT ROW('a', id, 2)::place AS p, (ROW('a', id, 2)::place).zip AS z, at IS NULL AS n, at IS NOT NULL AS m FROM shops
SELECT COALESCE(o, p) AS o FROM items o FULL JOIN items p ON p.line = o.line + 1 AND p.order_id = o.order_id
SELECT concat(c, '!') AS c, format('%s', ROW(c.id, c.name)) AS f FROM customers c
SELECT c.id, (SELECT row_to_json(o) FROM orders o WHERE o.id = c.id) AS j, (SELECT to_jsonb(o) FROM orders o WHERE o.customer = c.id ORDER BY o.id LIMIT 1) AS l FROM customers c
SELECT id FROM products WHERE sin(id) < 2 AND ((id, tags) < (101, '{x}') OR (tags, id) >= ('{y}', 5))
SELECT sin(id) AS s, make_interval(days => id, hours => 2) AS i, make_interval(1, months => id) AS j FROM customers
