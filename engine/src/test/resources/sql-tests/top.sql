-- The first rows of an order, with ties and NULLs, at the top and per group.
CREATE TABLE scores (id int PRIMARY KEY, team text, points int);
INSERT INTO scores SELECT i, 't' || i % 3, (i * 7) % 10 FROM generate_series(1, 20) i;
INSERT INTO scores VALUES (50, 't1', NULL);

SELECT pgtrickle.create_stream_table('best', $$SELECT id, points FROM scores ORDER BY points DESC NULLS LAST, id LIMIT 3$$);
SELECT pgtrickle.create_stream_table('next_best', $$SELECT id, points FROM scores ORDER BY points DESC, id LIMIT 3 OFFSET 2$$);
SELECT pgtrickle.create_stream_table('tied', $$SELECT id, points FROM scores ORDER BY points FETCH FIRST 2 ROWS WITH TIES$$);
SELECT pgtrickle.create_stream_table('per_team', $$
  SELECT s.team, x.id, x.points FROM (SELECT DISTINCT team FROM scores) s
  CROSS JOIN LATERAL (SELECT id, points FROM scores t WHERE t.team = s.team ORDER BY points DESC NULLS LAST, id LIMIT 2) x$$);

DELETE FROM scores WHERE points = 9;

UPDATE scores SET points = 100 WHERE team = 't2';
INSERT INTO scores VALUES (60, 't9', 0), (61, 't9', 0), (62, 't9', 0);

DELETE FROM scores WHERE team <> 't9';

DELETE FROM scores;

INSERT INTO scores VALUES (1, NULL, 1);
