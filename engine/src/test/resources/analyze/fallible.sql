SELECT a.s, b.id FROM quotients a JOIN partners b ON a.s::int = b.id WHERE substr(a.s, 1, 1) < ':'
SELECT a.s, b.id FROM quotients a JOIN partners b ON a.x / a.d = b.v WHERE abs(a.d) > 0
SELECT a.s, b.id FROM quotients a LEFT JOIN partners b ON a.x / a.d = b.v WHERE abs(a.d) > 0
SELECT a.s, b.id FROM partners b LEFT JOIN quotients a ON a.x / a.d = b.v AND abs(a.d) > 0
SELECT s FROM quotients WHERE x / d IN (SELECT v FROM partners) AND abs(d) > 0
SELECT s FROM quotients a WHERE EXISTS (SELECT FROM partners WHERE v = a.x / a.d) AND abs(a.d) > 0
SELECT s FROM quotients a WHERE EXISTS (SELECT FROM partners WHERE v = a.x / a.d AND abs(a.d) > 0)
SELECT s FROM quotients a WHERE NOT EXISTS (SELECT FROM partners WHERE v < a.x / a.d) AND abs(a.d) > 0
SELECT s, (SELECT max(v) FROM partners WHERE v <= a.x / a.d) AS m FROM quotients a WHERE abs(a.d) > 0
SELECT b.id, r.q FROM partners b JOIN quotient_view r USING (id)
SELECT b.id, r.q, r.u FROM partners b JOIN quotient_view r USING (id)
SELECT b.id, r.q, r.u FROM partners b LEFT JOIN quotient_view r USING (id)
SELECT b.id, r.q, r.u FROM quotient_view r RIGHT JOIN partners b USING (id)
SELECT b.id, r.q FROM partners b FULL JOIN (SELECT * FROM quotient_view WHERE id > 6 AND id < 9) r USING (id)
SELECT b.id, r.q FROM partners b JOIN quotient_view r ON b.id = r.id AND r.k = 2 AND r.q > b.v
SELECT b.id, r.q FROM partners b LEFT JOIN quotient_view r ON b.id = r.id AND r.q > b.v
SELECT b.id, r.q FROM partners b LEFT JOIN quotient_view r ON b.id = r.id WHERE r.q IS NULL
SELECT count(*) AS n, sum(r.q) AS q FROM partners b JOIN quotient_view r USING (id)
SELECT b.id, r.q, count(*) AS n FROM partners b LEFT JOIN quotient_view r ON b.id = r.id GROUP BY b.id, r.q
SELECT id, q FROM quotient_view WHERE id IN (SELECT id FROM partners)
SELECT id, q FROM quotient_view WHERE id IN (SELECT id FROM partners) ORDER BY q LIMIT 1
SELECT DISTINCT r.q FROM quotient_view r JOIN partners b USING (id)
SELECT r.q FROM quotient_view r JOIN partners b USING (id) UNION ALL SELECT v FROM partners
SELECT a.q, b.q AS other FROM quotient_view a JOIN quotient_view b ON a.k = b.k AND a.id < b.id JOIN partners c ON c.id = a.id
SELECT b.id, t.q FROM partners b LEFT JOIN (SELECT r.id, r.q * 2 AS q FROM quotient_view r JOIN partners USING (id)) t USING (id)
SELECT b.id, t.q FROM partners b CROSS JOIN LATERAL (SELECT x / d AS q FROM quotients a WHERE a.id = b.id) t
SELECT b.id, t.q FROM partners b LEFT JOIN LATERAL (SELECT coalesce(x / d, b.id) AS q FROM quotients a WHERE a.id = b.id) t ON true
SELECT s.id, s.i FROM number_view s JOIN partners b ON s.i = b.id WHERE substr(s.s, 1, 1) < ':'
SELECT k, avg(q) FILTER (WHERE d <> 0) AS q FROM (SELECT k, d, x / d AS q FROM quotients) s GROUP BY k
SELECT k, sum(q) FILTER (WHERE d <> 0) AS q, count(q) FILTER (WHERE d = 2) AS n FROM (SELECT k, d, x / d AS q FROM quotients) s GROUP BY k
SELECT k, sum(CASE WHEN d <> 0 THEN q END) AS q FROM (SELECT k, d, x / d AS q FROM quotients) s GROUP BY k
SELECT string_agg(q::text, ',' ORDER BY q) FILTER (WHERE d <> 0) AS q FROM (SELECT k, d, x / d AS q FROM quotients) s
SELECT CASE WHEN d <> 0 THEN q END AS a, CASE WHEN d <> 0 THEN q + 1 END AS b FROM (SELECT d, x / d AS q FROM quotients) s
WITH s AS (SELECT d, x / d AS q FROM quotients) SELECT CASE WHEN d <> 0 THEN q END AS a, CASE WHEN d <> 0 THEN q + 1 END AS b FROM s
SELECT id FROM quotients WHERE s::int > 5 AND abs(d) > 0
SELECT id FROM quotients WHERE x / d = 5 AND abs(d) > 0
SELECT id FROM (SELECT id, s, d FROM quotients WHERE s::int > 5) z WHERE abs(d) > 0
SELECT id FROM (SELECT id, d, x / d AS q FROM quotients) z WHERE q = 5 AND abs(d) > 0
SELECT s.id FROM number_view s JOIN partners b ON s.id = b.id WHERE s.i > 5 AND substr(s.s, 1, 1) < ':'
SELECT r.id FROM (SELECT id, d, x / d / d AS q FROM quotients) r JOIN partners b ON r.id = b.id WHERE r.q > 1 AND abs(r.d) > 0
SELECT id FROM orders WHERE (priority, id) > (1, 11) AND (total, id) <= (12.50, 10)
SELECT id FROM customers WHERE (id, name) < (3, 'x') OR (id, name) >= (5, 'y')
