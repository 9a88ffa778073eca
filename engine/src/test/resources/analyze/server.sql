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
SELECT l.id, codes::varchar(2)[] AS c, codes::varchar[] AS v, numbers::numeric[] AS n FROM shops s JOIN lists l USING (id)
SELECT ARRAY[id, 7]::text[] AS t, ARRAY[name, '5']::bpchar(2)[] AS b FROM customers
SELECT id, make_interval(days => id, hours => 2) AS i, make_interval(1, months => id) AS j FROM customers
SELECT id, '(x,5,)'::place AS p, ('("(,",6,7)'::place).zip AS z, ARRAY['(a,1,2)'::place] IS NULL AS n FROM shops
SELECT c.id, ARRAY(SELECT ARRAY[o.id, o.priority] FROM orders o WHERE o.customer = c.id ORDER BY o.id) AS a, ARRAY(SELECT s.host FROM shops s ORDER BY s.id) AS h FROM customers c
SELECT c.id FROM customers c WHERE 11 = ANY (ARRAY(SELECT o.id FROM orders o WHERE o.customer = c.id ORDER BY o.id))
