INSERT INTO cust SELECT g, chr(65+(random()*5)::int), (ARRAY['n','s',NULL,'e'])[1+(random()*3)::int], nullif((random()*9)::int, 4), date '2024-01-01' + (random()*70)::int, CASE WHEN random()<.3 THEN NULL ELSE jsonb_build_object('tier', (ARRAY['gold','tin'])[1+(random())::int], 'score', (random()*5)::int, 'tags', jsonb_build_array('x', (random()*3)::int)) END FROM generate_series(0, 9) g WHERE random() < 0.4 ON CONFLICT (id) DO UPDATE SET (name, region, parent, attrs) = ROW(excluded.name, excluded.region, excluded.parent, excluded.attrs)
INSERT INTO ord SELECT g, nullif((random()*10)::int, 7), nullif((random()*6)::int, 5) * 10.5, (ARRAY['open','paid','void'])[1+(random()*2)::int], timestamp '2024-01-01' + (random()*60)::int * interval '1 day 5 hours', CASE WHEN random()<.3 THEN NULL ELSE ARRAY['a', chr(97+(random()*3)::int)] END FROM generate_series(0, 20) g WHERE random() < 0.3 ON CONFLICT (id) DO UPDATE SET (cust_id, amount, status) = ROW(excluded.cust_id, excluded.amount, excluded.status)
INSERT INTO ord SELECT g, nullif((random()*10)::int, 7), (random()*4)::int * 10, (ARRAY['open','paid','void'])[1+(random()*2)::int], timestamp '2024-01-01' + (random()*60)::int * interval '1 day 5 hours', NULL FROM generate_series(0, 20) g WHERE random() < 0.2 ON CONFLICT (id) DO UPDATE SET (amount, status, placed) = ROW(excluded.amount, excluded.status, excluded.placed)
INSERT INTO item SELECT g / 4, g % 4, chr(112+(random()*3)::int), nullif((random()*4)::int, 3), (random()*3)::int * 2.5 FROM generate_series(0, 83) g WHERE random() < 0.2 ON CONFLICT (ord_id, line) DO UPDATE SET qty = excluded.qty
INSERT INTO ev SELECT timestamp '2024-01-01' + (random()*500)::int * interval '1 hour', (ARRAY['view','buy',NULL])[1+(random()*2)::int], (random()*9)::int, nullif((random()*4)::int, 1) * 0.5 FROM generate_series(1,2) WHERE (SELECT count(*) FROM ev) < 40
DELETE FROM cust WHERE id = (random()*9)::int
DELETE FROM ord WHERE id = (random()*20)::int
DELETE FROM item WHERE ord_id = (random()*20)::int
DELETE FROM ev WHERE ctid IN (SELECT ctid FROM ev ORDER BY random() LIMIT 3)
UPDATE ord SET amount = amount + 1, status = 'paid' WHERE id % 4 = (random()*3)::int
UPDATE cust SET parent = (random()*9)::int WHERE id % 3 = (random()*2)::int
UPDATE ord SET cust_id = NULL WHERE id = (random()*20)::int
