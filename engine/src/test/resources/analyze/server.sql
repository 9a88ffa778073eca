SELECT tags[1] AS first, tags[1:2] AS some FROM products
SELECT ARRAY[id] AS a, ARRAY[]::int[] AS none, ARRAY[ARRAY[id, 1], ARRAY[2, NULL]] AS two FROM customers
SELECT id FROM customers WHERE (id, name) < (3, 'x') OR (id, name) >= (5, 'y')
SELECT id FROM products WHERE name = ANY (tags) OR name <> ALL (tags)
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
