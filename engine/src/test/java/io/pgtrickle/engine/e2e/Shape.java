package io.pgtrickle.engine.e2e;

import java.util.List;

/// A query that is maintained incrementally and compared with PostgreSQL's own answer.
record Shape(String name, String query) {
  static final List<Shape> ALL =
      List.of(
          new Shape(
              "filtered",
              "SELECT id, name, region, credit, vip, born FROM customers"
                  + " WHERE credit > 10 AND region LIKE 'n%' AND name NOT ILIKE '%ZZ%'"),
          new Shape(
              "computed",
              "SELECT id, credit * 2 + 1 AS twice, -credit AS minus, id % 7 AS rest, id / 3 AS"
                  + " third, upper(region) || '/' || lower(coalesce(name, '?')) || upper(name"
                  + " COLLATE \"C\") AS label, length(name) AS len, substring(name from 1 for 2) AS"
                  + " head, credit::int AS whole, id::text AS txt, CASE WHEN vip THEN 'v' WHEN"
                  + " credit IS NULL THEN 'n' ELSE region END AS c, nullif(region, 'north') AS nn,"
                  + " credit BETWEEN 0 AND 50 AS mid, region IN ('north', 'south') AS ns, vip IS"
                  + " DISTINCT FROM true AS d FROM customers"),
          new Shape(
              "joined",
              "SELECT o.id, c.name, c.region, o.amount, o.note FROM orders o"
                  + " JOIN customers c ON c.id = o.customer_id"),
          new Shape(
              "joined_without_keys",
              "SELECT c.region, o.status FROM orders o JOIN customers c ON c.id = o.customer_id"),
          new Shape(
              "three_way",
              "SELECT o.id, l.line, p.name, l.qty * l.price AS total FROM orders o"
                  + " JOIN lines l ON l.order_id = o.id JOIN products p ON p.id = l.product_id"
                  + " WHERE o.status <> 'void'"),
          new Shape(
              "four_way_residual",
              "SELECT c.name, o.id, l.line, p.category FROM customers c, orders o, lines l,"
                  + " products p WHERE o.customer_id = c.id AND l.order_id = o.id AND p.id ="
                  + " l.product_id AND l.price > p.weight AND (c.vip OR o.amount > 5)"),
          new Shape(
              "self_join",
              "SELECT a.id AS a, b.id AS b FROM customers a JOIN customers b"
                  + " ON a.region = b.region AND a.id < b.id"),
          new Shape(
              "joined_aggregate",
              "SELECT c.region, count(*) AS n, count(o.amount) AS amounts, sum(o.amount) AS total,"
                  + " avg(o.amount) AS mean FROM orders o JOIN customers c ON c.id = o.customer_id"
                  + " GROUP BY c.region"),
          new Shape(
              "global_aggregate",
              "SELECT count(*) AS n, sum(qty) AS q, avg(qty) AS mean, min(price) AS lo, max(price)"
                  + " AS hi, sum(price) AS s FROM lines"),
          new Shape(
              "large_totals",
              "SELECT customer_id, sum(amount) AS total FROM orders GROUP BY customer_id"
                  + " HAVING count(*) > 1 AND sum(amount) IS NOT NULL"),
          new Shape("distinct_rows", "SELECT DISTINCT region, vip FROM customers"),
          new Shape(
              "union_all",
              "SELECT id, name FROM customers UNION ALL SELECT id, name FROM products WHERE id <"
                  + " 15"),
          new Shape(
              "union_distinct",
              "SELECT region AS t FROM customers UNION SELECT status FROM orders"
                  + " UNION SELECT kind FROM events"),
          new Shape(
              "extremes",
              "SELECT status, min(placed) AS first, max(placed) AS last, min(amount) AS lo,"
                  + " max(id) AS hi FROM orders GROUP BY status"),
          new Shape(
              "filtered_aggregates",
              "SELECT flag, count(*) FILTER (WHERE val > 1) AS big, sum(val) FILTER (WHERE kind ="
                  + " 'buy') AS bought, count(DISTINCT kind) AS kinds, sum(CASE WHEN val = 2 THEN 1"
                  + " ELSE 0 END) AS twos FROM events GROUP BY flag"),
          new Shape("bag_without_key", "SELECT kind, val, flag FROM events WHERE val IS NOT NULL"),
          new Shape(
              "floats",
              "SELECT category, sum(weight) AS w, avg(weight) AS mean, max(weight) AS hi,"
                  + " count(tag) AS tags FROM products GROUP BY category"),
          new Shape(
              "dates",
              "SELECT id, date_trunc('day', placed) AS day, extract(hour FROM placed) AS h,"
                  + " extract(epoch FROM placed) AS e, placed::date + 3 AS soon FROM orders"),
          new Shape(
              "zoned",
              "SELECT date_trunc('hour', at) AS hour, count(*) AS n, extract(dow FROM max(at)) AS"
                  + " dow FROM events GROUP BY date_trunc('hour', at)"),
          new Shape(
              "nested_aggregate",
              "SELECT c.id, c.name, t.total FROM customers c JOIN (SELECT customer_id, sum(amount)"
                  + " AS total FROM orders GROUP BY customer_id) t ON t.customer_id = c.id WHERE"
                  + " t.total > 0"),
          new Shape(
              "common_table",
              "WITH paid AS (SELECT * FROM orders WHERE status = 'paid')"
                  + " SELECT p.id, c.region FROM paid p JOIN customers c ON c.id = p.customer_id"),
          new Shape("over_view", "SELECT region, count(*) AS n FROM vip_customers GROUP BY region"),
          new Shape(
              "binary_values",
              "SELECT p.tag, p.image, count(*) AS n FROM products p GROUP BY p.tag, p.image"),
          new Shape(
              "left_joined",
              "SELECT c.id, c.name, o.id AS oid, o.amount FROM customers c"
                  + " LEFT JOIN orders o ON o.customer_id = c.id AND o.amount > c.credit"),
          new Shape(
              "right_joined",
              "SELECT p.name, l.order_id, l.line, l.qty FROM lines l"
                  + " RIGHT JOIN products p ON p.id = l.product_id WHERE p.weight > 0"),
          new Shape(
              "full_joined",
              "SELECT c.region, o.status, o.amount FROM customers c"
                  + " FULL JOIN orders o ON o.customer_id = c.id"),
          new Shape(
              "chained_outer_joins",
              "SELECT c.region, min(l.price) AS lo, count(o.id) AS orders, count(l.line) AS lines"
                  + " FROM customers c LEFT JOIN orders o ON o.customer_id = c.id"
                  + " LEFT JOIN lines l ON l.order_id = o.id GROUP BY c.region"),
          new Shape(
              "merged_columns",
              "SELECT id, c.name, p.category FROM customers c FULL JOIN products p USING (id)"),
          new Shape(
              "semi_joined",
              "SELECT c.id, c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE"
                  + " o.customer_id = c.id AND o.amount > c.credit)"),
          new Shape(
              "anti_joined",
              "SELECT o.id, o.status FROM orders o WHERE NOT EXISTS (SELECT 1 FROM lines l WHERE"
                  + " l.order_id = o.id)"),
          new Shape(
              "not_in_with_nulls",
              "SELECT p.id, p.name FROM products p WHERE p.id NOT IN (SELECT l.product_id FROM"
                  + " lines l WHERE l.qty < 0)"),
          new Shape(
              "in_as_a_value",
              "SELECT o.id, o.customer_id IN (SELECT c.id FROM customers c WHERE c.vip) AS vip,"
                  + " o.amount > ALL (SELECT c.credit FROM customers c WHERE c.id ="
                  + " o.customer_id) AS above FROM orders o"),
          new Shape(
              "in_over_two_columns",
              "SELECT l.order_id, l.line FROM lines l WHERE (l.product_id, l.qty) IN (SELECT p.id,"
                  + " e.val FROM products p, events e) OR l.qty IS NULL"),
          new Shape(
              "scalar_subqueries",
              "SELECT c.id, (SELECT count(*) FROM orders o WHERE o.customer_id = c.id) AS n,"
                  + " (SELECT sum(o.amount) FROM orders o WHERE o.customer_id = c.id) AS total,"
                  + " CASE WHEN c.vip THEN (SELECT max(val) FROM events) END AS v FROM customers"
                  + " c"),
          new Shape(
              "correlated_aggregate",
              "SELECT l.order_id, l.line, l.qty FROM lines l WHERE l.qty > (SELECT 0.5 *"
                  + " avg(l2.qty) FROM lines l2 WHERE l2.product_id = l.product_id)"),
          new Shape(
              "nested_exists",
              "SELECT c.id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE"
                  + " o.customer_id = c.id AND EXISTS (SELECT 1 FROM lines l WHERE l.order_id ="
                  + " o.id AND l.product_id > c.id))"),
          new Shape(
              "exists_over_groups",
              "SELECT p.id FROM products p WHERE EXISTS (SELECT l.order_id FROM lines l WHERE"
                  + " l.product_id = p.id GROUP BY l.order_id HAVING count(*) > 1)"),
          new Shape(
              "lateral_totals",
              "SELECT c.id, l.n, l.total FROM customers c, LATERAL (SELECT count(*) AS n,"
                  + " sum(o.amount) AS total FROM orders o WHERE o.customer_id = c.id) l"),
          new Shape(
              "lateral_first_rows",
              "SELECT c.name, l.id, l.amount, l.credit FROM customers c LEFT JOIN LATERAL (SELECT"
                  + " o.id, o.amount, coalesce(c.credit, 0) AS credit FROM orders o WHERE"
                  + " o.customer_id = c.id ORDER BY o.amount DESC NULLS LAST, o.id LIMIT 2) l ON"
                  + " l.amount > 1"),
          new Shape(
              "lateral_chain",
              "SELECT c.id, o.total, p.id AS pid FROM customers c JOIN LATERAL (SELECT o.amount +"
                  + " c.id AS total, o.id FROM orders o WHERE o.customer_id = c.id) o ON true LEFT"
                  + " JOIN LATERAL (SELECT p.id FROM products p JOIN lines l ON l.product_id = p.id"
                  + " WHERE l.order_id = o.id AND p.id > c.id) p ON true"),
          new Shape(
              "intersected",
              "SELECT region FROM customers INTERSECT ALL SELECT region FROM customers WHERE vip"),
          new Shape(
              "subtracted",
              "SELECT customer_id FROM orders EXCEPT SELECT id FROM customers EXCEPT ALL SELECT"
                  + " val FROM events"),
          new Shape(
              "more_aggregates",
              "SELECT status, stddev(amount) AS sd, variance(customer_id) AS v, var_pop(amount) AS"
                  + " vp, stddev_pop(DISTINCT customer_id) AS sp, bool_and(amount > 5) AS every,"
                  + " bool_or(note IS NULL) AS some, bit_and(customer_id) AS ba, bit_or(id) FILTER"
                  + " (WHERE amount > 0) AS bo FROM orders GROUP BY status"),
          new Shape(
              "collected_values",
              "SELECT status, string_agg(note, ', ' ORDER BY id DESC) AS notes, array_agg(id ORDER"
                  + " BY amount DESC NULLS LAST, id) AS ids, array_agg(DISTINCT customer_id) AS"
                  + " customers, jsonb_agg(amount ORDER BY id) AS amounts, jsonb_agg(note ORDER BY"
                  + " id) FILTER (WHERE amount > 0) AS texts, array_agg(note ORDER BY id) AS"
                  + " note_array FROM orders GROUP BY status"),
          new Shape(
              "quantiles",
              "SELECT status, mode() WITHIN GROUP (ORDER BY customer_id) AS usual,"
                  + " percentile_disc(0.5) WITHIN GROUP (ORDER BY id DESC) AS middle,"
                  + " percentile_cont(0.9) WITHIN GROUP (ORDER BY id) AS high,"
                  + " percentile_disc(0.25) WITHIN GROUP (ORDER BY placed) AS early FROM orders"
                  + " GROUP BY status"),
          new Shape(
              "customer_orders",
              "SELECT c.id, (SELECT string_agg(o.status, ',' ORDER BY o.id) FROM orders o WHERE"
                  + " o.customer_id = c.id) AS states FROM customers c"),
          new Shape(
              "sales_cube",
              "SELECT c.region, o.status, count(*) AS n, sum(o.amount) AS total, GROUPING(c.region,"
                  + " o.status) AS g FROM customers c JOIN orders o ON o.customer_id = c.id GROUP"
                  + " BY CUBE (c.region, o.status)"),
          new Shape(
              "rolled_up_events",
              "SELECT kind, flag, max(val) AS m, array_agg(val ORDER BY val) AS vals FROM events"
                  + " GROUP BY ROLLUP (kind, flag) HAVING count(*) > 1 OR GROUPING(kind) = 1"),
          new Shape(
              "top_customers",
              "SELECT id, name, credit FROM customers ORDER BY credit DESC NULLS LAST, id LIMIT 5"),
          new Shape(
              "places_with_ties",
              "SELECT val FROM events ORDER BY val OFFSET 1 ROWS FETCH FIRST 3 ROWS WITH TIES"),
          new Shape(
              "first_of_each",
              "SELECT DISTINCT ON (customer_id) customer_id, id, amount FROM orders"
                  + " ORDER BY customer_id, amount DESC, id"),
          new Shape(
              "page_of_orders",
              "SELECT o.id, o.status, c.name FROM orders o LEFT JOIN customers c ON c.id ="
                  + " o.customer_id ORDER BY o.status NULLS FIRST, o.amount DESC, o.id OFFSET 3"
                  + " LIMIT 10"),
          new Shape(
              "top_groups",
              "SELECT status, count(*) AS n FROM orders GROUP BY status ORDER BY count(*) DESC,"
                  + " status LIMIT 2"),
          new Shape(
              "last_order",
              "SELECT c.id, (SELECT o.amount FROM orders o WHERE o.customer_id = c.id ORDER BY o.id"
                  + " DESC LIMIT 1) AS amount FROM customers c"),
          new Shape(
              "over_stream_table",
              "SELECT region, n * 10 AS ten, total FROM joined_aggregate WHERE n > 1"),
          new Shape(
              "diamond",
              "SELECT f.id, f.region, j.amount FROM filtered f JOIN joined j ON j.region ="
                  + " f.region"),
          new Shape(
              "outer_join_of_stream_tables",
              "SELECT f.id, f.name, h.total FROM filtered f FULL JOIN large_totals h ON"
                  + " h.customer_id = f.id"),
          new Shape(
              "mixed_sources",
              "SELECT d.region, c.id FROM distinct_rows d JOIN customers c ON c.region = d.region"
                  + " WHERE d.vip"));

  /// The rows in which the table differs from its query, as a bag and as text; none when they
  /// agree.
  String differences() {
    return LiveDatabase.differencesQuery("st." + name, query);
  }
}
