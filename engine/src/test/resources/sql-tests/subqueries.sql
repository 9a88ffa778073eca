-- EXISTS, IN, NOT IN with NULLs, ANY and ALL, scalar and correlated subqueries, under OR and CASE too.
CREATE TABLE t (id int PRIMARY KEY, g int, v int);
CREATE TABLE u (id int PRIMARY KEY, g int, v int);
INSERT INTO t SELECT i, i % 4, i * 10 FROM generate_series(1, 12) i;
INSERT INTO u VALUES (1, 1, 10), (2, 2, 20), (3, 2, 200);

SELECT pgtrickle.create_stream_table('has', $$SELECT id FROM t WHERE EXISTS (SELECT FROM u WHERE u.g = t.g)$$);
SELECT pgtrickle.create_stream_table('has_not', $$SELECT id FROM t WHERE NOT EXISTS (SELECT FROM u WHERE u.g = t.g)$$);
SELECT pgtrickle.create_stream_table('listed', $$SELECT id FROM t WHERE v IN (SELECT v FROM u)$$);
SELECT pgtrickle.create_stream_table('not_listed', $$SELECT id FROM t WHERE v NOT IN (SELECT v FROM u WHERE u.g = t.g)$$);
SELECT pgtrickle.create_stream_table('above_all', $$SELECT id FROM t WHERE v > ALL (SELECT v FROM u WHERE u.g = t.g)$$);
SELECT pgtrickle.create_stream_table('above_any', $$SELECT id FROM t WHERE v > ANY (SELECT v FROM u)$$);
SELECT pgtrickle.create_stream_table('either', $$
  SELECT id, CASE WHEN g = 1 THEN (SELECT max(v) FROM u) ELSE (SELECT count(*) FROM u WHERE u.g = t.g) END AS c
  FROM t WHERE v = 30 OR id IN (SELECT id FROM u) OR v > (SELECT avg(v) FROM u)$$);
SELECT pgtrickle.create_stream_table('share', $$
  SELECT id, v::numeric / (SELECT sum(w.v) FROM t w WHERE w.g = t.g) AS part FROM t$$);

INSERT INTO u VALUES (4, 1, NULL);

UPDATE u SET v = 30, g = 3 WHERE id = 4;
DELETE FROM t WHERE id % 4 = 0;

DELETE FROM u WHERE g = 2;
UPDATE t SET g = g + 1;

DELETE FROM u;

INSERT INTO u SELECT i, i % 5, i * 10 FROM generate_series(1, 9) i;
INSERT INTO t VALUES (100, NULL, NULL), (101, NULL, 70);
