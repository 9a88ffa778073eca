-- A tree and a graph with a cycle; edges are taken away again.
CREATE TABLE parts (id int PRIMARY KEY, parent int, weight numeric);
CREATE TABLE edges (a int, b int, PRIMARY KEY (a, b));
INSERT INTO parts VALUES (1, NULL, 1), (2, 1, 2.5), (3, 1, 3), (4, 2, 0.5), (5, 4, 1.25);
INSERT INTO edges VALUES (1, 2), (2, 3), (3, 1), (3, 4), (5, 6);

SELECT pgtrickle.create_stream_table('below', $$
  WITH RECURSIVE d AS (
    SELECT id AS root, id, weight, 0 AS depth FROM parts
    UNION ALL SELECT d.root, p.id, p.weight, d.depth + 1 FROM d JOIN parts p ON p.parent = d.id)
  SELECT root, count(*) AS n, sum(weight) AS total, max(depth) AS depth FROM d GROUP BY root$$);
SELECT pgtrickle.create_stream_table('reachable', $$
  WITH RECURSIVE r AS (SELECT a, b FROM edges UNION SELECT r.a, e.b FROM r JOIN edges e ON e.a = r.b)
  SELECT a, b FROM r$$);

DELETE FROM edges WHERE (a, b) = (2, 3);

INSERT INTO edges VALUES (2, 3), (4, 5), (6, 1);
UPDATE parts SET parent = 3 WHERE id = 4;

DELETE FROM edges WHERE a = 3;
DELETE FROM parts WHERE id = 2;

UPDATE parts SET parent = NULL;
TRUNCATE edges;
