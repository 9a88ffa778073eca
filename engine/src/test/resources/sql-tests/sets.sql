-- DISTINCT, DISTINCT ON, and the set operations with and without ALL.
CREATE TABLE a (id int PRIMARY KEY, v int, w text);
CREATE TABLE b (id int PRIMARY KEY, v int, w text);
INSERT INTO a VALUES (1, 1, 'x'), (2, 1, 'x'), (3, 2, 'y'), (4, NULL, NULL), (5, NULL, NULL);
INSERT INTO b VALUES (1, 1, 'x'), (2, 3, 'z'), (3, NULL, NULL);

SELECT pgtrickle.create_stream_table('seen', $$SELECT DISTINCT v, w FROM a$$);
SELECT pgtrickle.create_stream_table('newest', $$SELECT DISTINCT ON (v) v, id, w FROM a ORDER BY v, id DESC$$);
SELECT pgtrickle.create_stream_table('unions', $$SELECT v, w FROM a UNION SELECT v, w FROM b$$);
SELECT pgtrickle.create_stream_table('bags', $$SELECT v, w FROM a UNION ALL SELECT v, w FROM b$$);
SELECT pgtrickle.create_stream_table('common', $$SELECT v, w FROM a INTERSECT SELECT v, w FROM b$$);
SELECT pgtrickle.create_stream_table('common_all', $$SELECT v, w FROM a INTERSECT ALL SELECT v, w FROM b$$);
SELECT pgtrickle.create_stream_table('left_only', $$SELECT v, w FROM a EXCEPT SELECT v, w FROM b$$);
SELECT pgtrickle.create_stream_table('left_only_all', $$SELECT v, w FROM a EXCEPT ALL SELECT v, w FROM b$$);

DELETE FROM a WHERE id = 1;
INSERT INTO b VALUES (4, 2, 'y'), (5, 2, 'y');

DELETE FROM a WHERE id = 2;
DELETE FROM b WHERE v IS NULL;

UPDATE a SET v = 3, w = 'z';

TRUNCATE b;
INSERT INTO a SELECT i, i % 2, 'x' FROM generate_series(10, 15) i;
