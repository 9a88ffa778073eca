SELECT id, row_number() OVER (ORDER BY id) AS n FROM customers
SELECT id, row_number() OVER (ORDER BY id DESC) AS n FROM customers
SELECT id, rank() OVER (ORDER BY credit) AS r, dense_rank() OVER (ORDER BY credit) AS d FROM customers
SELECT id, rank() OVER (ORDER BY credit NULLS FIRST) AS r, dense_rank() OVER (ORDER BY credit) AS d FROM customers
SELECT id, rank() OVER (PARTITION BY region ORDER BY credit DESC NULLS LAST) AS r FROM customers
SELECT id, rank() OVER (PARTITION BY active ORDER BY credit DESC NULLS LAST) AS r FROM customers
SELECT id, percent_rank() OVER w AS p, cume_dist() OVER w AS c, ntile(3) OVER w AS t FROM orders WINDOW w AS (PARTITION BY state ORDER BY id)
SELECT id, ntile(2) OVER (ORDER BY id) AS a, ntile(4) OVER (ORDER BY id) AS b, ntile(100) OVER (ORDER BY id) AS c, ntile(NULL) OVER (ORDER BY id) AS d FROM orders
SELECT id, lag(total) OVER (ORDER BY id) AS a, lead(total, 2) OVER (ORDER BY id) AS b, lag(total, 1, 0.5) OVER (ORDER BY id) AS c, lead(total, priority::int4, total) OVER (ORDER BY id) AS d FROM orders
SELECT id, lag(total, -1) OVER (ORDER BY id) AS a, lead(state, 1, 'x') OVER (PARTITION BY customer ORDER BY id) AS b, lag(id, 0) OVER (ORDER BY id) AS c FROM orders
SELECT id, first_value(total) OVER w AS a, last_value(total) OVER w AS b, nth_value(total, 2) OVER w AS c FROM orders WINDOW w AS (ORDER BY id)
SELECT id, first_value(total) OVER w AS a, last_value(total) OVER w AS b, nth_value(total, 2) OVER w AS c FROM orders WINDOW w AS (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)
SELECT id, sum(total) OVER (ORDER BY id) AS s FROM orders
SELECT id, sum(total) OVER (PARTITION BY state ORDER BY id) AS s FROM orders
SELECT id, sum(total) OVER (PARTITION BY state) AS s FROM orders
SELECT id, sum(total) OVER () AS s, count(*) OVER () AS n FROM orders
SELECT id, count(*) FILTER (WHERE total > 5) OVER (ORDER BY id) AS n, sum(priority) OVER (ORDER BY id ROWS 1 PRECEDING) AS s FROM orders
SELECT id, avg(total) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS a FROM orders
SELECT id, avg(total) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS a FROM orders
SELECT id, avg(total) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS a FROM orders
SELECT id, min(total) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS lo, max(state) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS hi FROM orders
SELECT id, sum(id) OVER (ORDER BY id ROWS BETWEEN 3 FOLLOWING AND 5 FOLLOWING) AS a, sum(id) OVER (ORDER BY id ROWS BETWEEN 3 PRECEDING AND 2 PRECEDING) AS b, sum(id) OVER (ORDER BY id ROWS BETWEEN 3 FOLLOWING AND 1 FOLLOWING) AS c FROM orders
SELECT id, sum(id) OVER (ORDER BY priority RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS s FROM orders
SELECT id, sum(id) OVER (ORDER BY priority DESC RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM orders
SELECT id, sum(id) OVER (ORDER BY priority NULLS FIRST RANGE BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING) AS s FROM orders
SELECT id, sum(id) OVER (ORDER BY priority DESC NULLS LAST RANGE BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS s FROM orders
SELECT id, count(*) OVER (ORDER BY total RANGE BETWEEN 5 PRECEDING AND 5.5 FOLLOWING) AS n FROM orders
SELECT id, count(*) OVER (ORDER BY score RANGE BETWEEN 0.5 PRECEDING AND 1.75 FOLLOWING) AS n FROM customers
SELECT id, count(*) OVER (ORDER BY weight DESC RANGE BETWEEN 0.25 FOLLOWING AND UNBOUNDED FOLLOWING) AS n FROM orders
SELECT id, count(*) OVER (ORDER BY id RANGE BETWEEN 9223372036854775807 PRECEDING AND 9223372036854775807 FOLLOWING) AS n FROM orders
SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN 10 PRECEDING AND 5 FOLLOWING) AS n FROM (VALUES ('Infinity'::float8), ('-Infinity'), ('NaN'), (0), (3), (NULL), (NULL), (11.5)) v(x)
SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN 'Infinity' PRECEDING AND 'Infinity' FOLLOWING) AS n FROM (VALUES ('Infinity'::float8), ('-Infinity'), ('NaN'), (0), (3), (NULL), (NULL), (11.5)) v(x)
SELECT x, count(*) OVER (ORDER BY x DESC RANGE BETWEEN 'Infinity' FOLLOWING AND UNBOUNDED FOLLOWING) AS n FROM (VALUES ('Infinity'::float8), ('-Infinity'), ('NaN'), (0), (3), (NULL), (NULL), (11.5)) v(x)
SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN 'Infinity' PRECEDING AND 'Infinity' PRECEDING) AS n FROM (VALUES ('Infinity'::numeric), ('-Infinity'), ('NaN'), (0), (3), (NULL), (NULL), (11.5)) v(x)
SELECT x, count(*) OVER (ORDER BY x DESC RANGE BETWEEN 3 PRECEDING AND 'Infinity' FOLLOWING) AS n FROM (VALUES ('Infinity'::numeric), ('-Infinity'), ('NaN'), (0), (3), (NULL), (NULL), (11.5)) v(x)
SELECT id, array_position.n FROM (SELECT id, sum(id) OVER (ORDER BY priority GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS n FROM orders) array_position
SELECT id, sum(id) OVER (ORDER BY priority GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW) AS n FROM orders
SELECT id, sum(id) OVER (ORDER BY priority GROUPS BETWEEN 1 FOLLOWING AND 9 FOLLOWING) AS n FROM orders
SELECT id, sum(id) OVER (ORDER BY priority GROUPS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS n FROM orders
SELECT id, sum(id) OVER (ORDER BY priority ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) AS s FROM orders
SELECT id, sum(id) OVER (ORDER BY priority RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP) AS s FROM orders
SELECT id, sum(id) OVER (ORDER BY priority RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES) AS s FROM orders
SELECT id, count(*) OVER (ORDER BY priority, id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) AS s, first_value(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS f, last_value(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS l, nth_value(id, 2) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) AS m FROM orders
SELECT id, max(id) OVER (ORDER BY priority GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE GROUP) AS m, min(id) OVER (ORDER BY priority GROUPS BETWEEN CURRENT ROW AND 1 FOLLOWING EXCLUDE TIES) AS k FROM orders
SELECT id, row_number() OVER (ORDER BY id) * 2 + count(*) OVER (PARTITION BY state) AS x, CASE WHEN rank() OVER (ORDER BY total) = 1 THEN 'first' ELSE state END AS y FROM orders
SELECT id, sum(total) OVER (PARTITION BY state ORDER BY id) AS a, sum(total) OVER (PARTITION BY customer ORDER BY id) AS b, sum(total) OVER (ORDER BY id) AS c FROM orders
SELECT state, count(*) AS n, rank() OVER (ORDER BY count(*) DESC, state) AS r, sum(sum(total)) OVER (ORDER BY state) AS running FROM orders GROUP BY state
SELECT state, sum(total) AS s, sum(total) / sum(sum(total)) OVER () AS share FROM orders GROUP BY state HAVING count(*) > 1
SELECT region, rank() OVER (ORDER BY region) AS r FROM customers GROUP BY region
SELECT count(*) AS n, row_number() OVER () AS r FROM customers
SELECT * FROM (SELECT id, state, row_number() OVER (PARTITION BY state ORDER BY id) AS rn FROM orders) x WHERE rn = 1
SELECT * FROM (SELECT id, state, row_number() OVER (PARTITION BY state ORDER BY id) AS rn FROM orders) x WHERE rn <= 2 AND state <> 'BAD'
SELECT * FROM (SELECT id, rank() OVER (ORDER BY priority) AS r, dense_rank() OVER (ORDER BY priority) AS d FROM orders) x WHERE 3 > r
SELECT id FROM (SELECT id, priority, row_number() OVER (ORDER BY id) AS rn FROM orders) x WHERE rn BETWEEN 2 AND 4 AND priority = 1
SELECT id, rn FROM (SELECT id, row_number() OVER (ORDER BY id) AS rn FROM orders WHERE priority = 1) x WHERE rn >= 1
SELECT id, rn FROM (SELECT id, priority, row_number() OVER (ORDER BY id) AS rn FROM orders) x WHERE rn >= 1 AND priority = 1
SELECT DISTINCT state, count(*) OVER (PARTITION BY state) AS n FROM orders
SELECT id, row_number() OVER (ORDER BY total DESC NULLS LAST, id) AS n FROM orders ORDER BY n LIMIT 3
SELECT c.name, o.id, row_number() OVER (PARTITION BY c.id ORDER BY o.id) AS n FROM customers c JOIN orders o ON o.customer = c.id
SELECT c.name, o.id, sum(o.total) OVER (PARTITION BY c.id ORDER BY o.id) AS n FROM customers c LEFT JOIN orders o ON o.customer = c.id
SELECT a.id, b.n FROM customers a JOIN (SELECT id, row_number() OVER (ORDER BY id DESC) AS n FROM customers) b ON a.id = b.n
SELECT c.id, (SELECT max(r) FROM (SELECT rank() OVER (ORDER BY o.total) AS r FROM orders o WHERE o.customer = c.id) x) AS m FROM customers c
SELECT c.id FROM customers c WHERE c.id IN (SELECT o.customer FROM (SELECT customer, row_number() OVER (PARTITION BY customer ORDER BY id) AS n FROM orders) o WHERE o.n = 2)
SELECT id, (SELECT count(*) FROM items i WHERE i.order_id = o.id) AS lines, row_number() OVER (ORDER BY id) AS n, sum((SELECT count(*) FROM items i WHERE i.order_id = o.id)) OVER (ORDER BY id) AS running FROM orders o
SELECT kind, value, row_number() OVER (PARTITION BY kind, value) AS n, count(*) OVER (PARTITION BY kind) AS c FROM events
SELECT kind, rank() OVER (ORDER BY value) AS r, percent_rank() OVER (ORDER BY value) AS p, cume_dist() OVER (ORDER BY value) AS d FROM events
SELECT id, sum(score) OVER (ORDER BY id) AS s, avg(credit) OVER (ORDER BY id ROWS 1 PRECEDING) AS a, bool_and(active) OVER (ORDER BY id) AS b, stddev(credit) OVER (ORDER BY id) AS d FROM customers
SELECT id, bit_or(priority) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS b, variance(total) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS v FROM orders
SELECT id, row_number() OVER w AS a, sum(id) OVER (w ROWS UNBOUNDED PRECEDING) AS b, sum(id) OVER v AS c FROM orders WINDOW w AS (PARTITION BY state ORDER BY id), v AS (ORDER BY id DESC), unused AS (ORDER BY total)
WITH ranked AS (SELECT id, customer, rank() OVER (PARTITION BY customer ORDER BY id) AS r FROM orders) SELECT a.id, b.id AS previous FROM ranked a LEFT JOIN ranked b ON b.customer = a.customer AND b.r = a.r - 1
SELECT id, n FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM customers UNION ALL SELECT id, row_number() OVER (ORDER BY id DESC) FROM products) x WHERE n < 3
SELECT id, count(*) OVER (ORDER BY joined RANGE BETWEEN '1 mon' PRECEDING AND '10 days' FOLLOWING) AS n FROM customers
SELECT id, sum(id) OVER (ORDER BY joined DESC NULLS LAST RANGE '400 days' PRECEDING) AS s FROM customers
SELECT id, sum(id) OVER (ORDER BY placed RANGE BETWEEN '1 day 02:00' PRECEDING AND CURRENT ROW) AS s FROM orders
SELECT id, sum(id) OVER (ORDER BY placed_tz DESC NULLS FIRST RANGE BETWEEN '1 day' FOLLOWING AND '2 mons' FOLLOWING EXCLUDE TIES) AS s FROM orders
SELECT id, first_value(id) OVER (ORDER BY placed - '2024-01-01'::timestamp RANGE BETWEEN '30 days' PRECEDING AND '12:00' PRECEDING) AS s FROM orders
SELECT x, count(*) OVER (ORDER BY x RANGE BETWEEN '1 day' PRECEDING AND '2 days' FOLLOWING) AS n FROM (VALUES ('infinity'::date), ('-infinity'), (NULL), (NULL), ('2024-02-29'), ('2024-03-01'), ('2024-03-03')) v(x)
