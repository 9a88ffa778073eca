package io.pgtrickle.bench;

import java.sql.SQLException;
import java.util.List;

/// The demo's shop: its base tables, its three stream tables, and how a client that only sees SQL
/// knows how many orders each of them shows.
final class DemoTables {
  static final int CUSTOMERS = 200;
  static final int PRODUCTS = 40;

  private static final String BASE_TABLES =
      """
      CREATE TABLE customers (
        id int PRIMARY KEY, name text NOT NULL, region text NOT NULL);
      CREATE TABLE products (
        id int PRIMARY KEY, name text NOT NULL, category text NOT NULL,
        price numeric(10,2) NOT NULL);
      CREATE TABLE orders (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        customer_id int NOT NULL REFERENCES customers,
        product_id int NOT NULL REFERENCES products,
        quantity int NOT NULL, amount numeric(12,2) NOT NULL,
        status text NOT NULL DEFAULT 'placed',
        placed_at timestamptz NOT NULL DEFAULT now());
      INSERT INTO customers
        SELECT i, 'customer ' || i, (ARRAY['north','south','east','west'])[1 + mod(i, 4)]
        FROM generate_series(1, %d) i;
      INSERT INTO products
        SELECT i, 'product ' || i, (ARRAY['books','garden','kitchen','music','tools'])[1 + mod(i, 5)],
               (i * 1.37)::numeric(10,2)
        FROM generate_series(1, %d) i;
      """
          .formatted(CUSTOMERS, PRODUCTS);

  /// One stream table of the demo.
  ///
  /// @param shown a query for the number of orders that the stream table shows, the latest included
  record Watched(String name, String shape, String query, String shown) {}

  static final List<Watched> ALL =
      List.of(
          new Watched(
              "revenue_by_region",
              "join + aggregate",
              """
              SELECT c.region, count(*) AS orders, sum(o.amount) AS revenue
              FROM orders o JOIN customers c ON c.id = o.customer_id
              WHERE o.status <> 'cancelled'
              GROUP BY c.region\
              """,
              "SELECT coalesce(sum(orders), 0) FROM revenue_by_region"),
          new Watched(
              "order_details",
              "top-level join of three",
              """
              SELECT o.id, c.name AS customer, c.region, p.name AS product, p.category,
                     o.quantity, o.amount, o.status
              FROM orders o
              JOIN customers c ON c.id = o.customer_id
              JOIN products p ON p.id = o.product_id\
              """,
              // The one writer commits in the order of the identity column.
              "SELECT coalesce(max(id), 0) FROM order_details"),
          new Watched(
              "category_totals",
              "chain over order_details",
              """
              SELECT category, count(*) AS orders, sum(amount) AS revenue, max(amount) AS largest
              FROM order_details
              WHERE status <> 'cancelled'
              GROUP BY category\
              """,
              "SELECT coalesce(sum(orders), 0) FROM category_totals"));

  private DemoTables() {}

  static void create(Rig rig) throws SQLException {
    rig.execute(BASE_TABLES);
    for (Watched table : ALL) {
      rig.createStreamTable(table.name(), table.query());
    }
  }
}
