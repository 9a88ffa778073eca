-- A row that the query cannot be evaluated for keeps the last good contents in place, and going away heals it. The oracle has
-- the same error meanwhile, so the bad row comes and goes within one transaction, or is never selected.
CREATE TABLE parts (id int PRIMARY KEY, whole int, part int);
INSERT INTO parts VALUES (1, 10, 5), (2, 20, 4);

SELECT pgtrickle.create_stream_table('ratios', $$SELECT id, whole / part AS ratio FROM parts$$);
SELECT pgtrickle.create_stream_table('guarded', $$SELECT id, CASE WHEN part <> 0 THEN whole / part END AS ratio FROM parts$$);
SELECT pgtrickle.create_stream_table('filtered', $$SELECT id, whole / part AS ratio FROM parts WHERE part <> 0$$);

INSERT INTO parts VALUES (3, 1, 0);
DELETE FROM parts WHERE id = 3;

INSERT INTO parts VALUES (4, 1, 0);
UPDATE parts SET part = 3 WHERE id = 4;

UPDATE parts SET part = -part;
