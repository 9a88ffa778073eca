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
