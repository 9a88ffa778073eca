-- Set-returning functions, json documents and arrays.
CREATE TABLE docs (id int PRIMARY KEY, tags text[], doc jsonb);
INSERT INTO docs VALUES
  (1, '{a,b}', '{"name": "one", "lines": [{"sku": "x", "n": 2}, {"sku": "y", "n": 1}]}'),
  (2, '{}', '{"name": "two", "lines": []}'), (3, NULL, NULL), (4, '{b,NULL,b}', '{"lines": [{"sku": "x", "n": null}]}');

SELECT pgtrickle.create_stream_table('tags', $$SELECT id, t.tag, t.place FROM docs, unnest(tags) WITH ORDINALITY AS t(tag, place)$$);
SELECT pgtrickle.create_stream_table('lines', $$
  SELECT d.id, l.value ->> 'sku' AS sku, (l.value ->> 'n')::int AS n
  FROM docs d LEFT JOIN LATERAL jsonb_array_elements(d.doc -> 'lines') l ON true$$);
SELECT pgtrickle.create_stream_table('per_tag', $$
  SELECT tag, count(*) AS n, array_agg(id ORDER BY id) AS ids FROM docs, unnest(tags) tag GROUP BY tag$$);
SELECT pgtrickle.create_stream_table('series', $$SELECT id, i FROM docs, generate_series(1, cardinality(tags)) i$$);

UPDATE docs SET tags = tags || 'c'::text WHERE id <> 2;
UPDATE docs SET doc = jsonb_set(doc, '{lines,0,n}', '7') WHERE id IN (1, 4);

DELETE FROM docs WHERE id = 1;
INSERT INTO docs VALUES (5, '{a,a,a}', '{"lines": [{}, {"sku": "z"}]}');

UPDATE docs SET tags = NULL, doc = NULL;
