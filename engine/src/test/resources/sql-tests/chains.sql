-- Stream tables over stream tables: a chain, and a diamond whose halves must agree.
CREATE TABLE events (id int PRIMARY KEY, kind text, n int);
INSERT INTO events SELECT i, 'k' || i % 3, i FROM generate_series(1, 20) i;

SELECT pgtrickle.create_stream_table('totals', $$SELECT kind, sum(n) AS total, count(*) AS many FROM events GROUP BY kind$$);

SELECT pgtrickle.create_stream_table('large', $$SELECT kind FROM totals WHERE total > 60$$);
SELECT pgtrickle.create_stream_table('ratio', $$SELECT kind, total::numeric / many AS mean FROM totals$$);

SELECT pgtrickle.create_stream_table('joined', $$SELECT l.kind, r.mean FROM large l JOIN ratio r USING (kind)$$);

UPDATE events SET n = n * 3 WHERE kind = 'k1';

DELETE FROM events WHERE kind = 'k1';
INSERT INTO events VALUES (100, 'k9', 1000), (101, NULL, 1000);

UPDATE events SET kind = 'k0';
