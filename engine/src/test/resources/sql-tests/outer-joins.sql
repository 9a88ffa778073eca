-- Left, right and full joins; rows find their first partner and lose their last one.
CREATE TABLE l (id int PRIMARY KEY, k int, a text);
CREATE TABLE r (id int PRIMARY KEY, k int, b text);
INSERT INTO l VALUES (1, 1, 'x'), (2, 1, 'y'), (3, 2, 'z'), (4, NULL, 'n');
INSERT INTO r VALUES (1, 1, 'p'), (2, 3, 'q'), (3, NULL, 'm');

SELECT pgtrickle.create_stream_table('lefts', $$SELECT l.id, a, b FROM l LEFT JOIN r ON l.k = r.k$$);
SELECT pgtrickle.create_stream_table('rights', $$SELECT a, r.id, b FROM l RIGHT JOIN r USING (k)$$);
SELECT pgtrickle.create_stream_table('fulls', $$SELECT k, a, b FROM l FULL JOIN r USING (k)$$);
SELECT pgtrickle.create_stream_table('conditional', $$
  SELECT l.id, a, b FROM l LEFT JOIN r ON l.k = r.k AND a < 'y' AND b <> 'q'$$);
SELECT pgtrickle.create_stream_table('chained', $$
  SELECT l.id, r.b, s.b AS c FROM l LEFT JOIN r ON l.k = r.k LEFT JOIN r s ON s.id = r.id + 1 WHERE r.b IS DISTINCT FROM 'p'$$);
SELECT pgtrickle.create_stream_table('unmatched', $$
  SELECT l.id, count(r.id) AS n, count(*) AS rows FROM l LEFT JOIN r ON l.k = r.k GROUP BY l.id$$);

DELETE FROM r WHERE id = 1;

INSERT INTO r VALUES (4, 1, 'p'), (5, 1, 'p'), (6, 2, 'w');
UPDATE l SET k = 3 WHERE id = 1;

UPDATE l SET k = NULL WHERE id = 3;
UPDATE r SET k = 2 WHERE id = 3;

DELETE FROM l;

INSERT INTO l VALUES (9, 2, NULL), (10, 2, NULL);
DELETE FROM r WHERE k = 1;
