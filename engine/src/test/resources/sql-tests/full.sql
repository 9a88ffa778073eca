-- What is asked for in FULL mode is evaluated as a whole, and what reads it goes on incrementally.
CREATE TABLE t (id int PRIMARY KEY, v int);
INSERT INTO t SELECT i, i % 5 FROM generate_series(1, 20) i;

SELECT pgtrickle.create_stream_table('whole', $$SELECT v, count(*) AS n FROM t GROUP BY v$$, refresh_mode => 'FULL');

SELECT pgtrickle.create_stream_table('over_it', $$SELECT sum(n) AS rows, count(*) AS groups FROM whole$$);

UPDATE t SET v = v + 1 WHERE id < 10;

DELETE FROM t WHERE v = 3;
