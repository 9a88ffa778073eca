package io.pgtrickle.engine.cli;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/// A small shop, and what its owner wants to see of it.
final class DemoSchema {
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

  static final List<StreamTable> STREAM_TABLES =
      List.of(
          new StreamTable(
              "revenue_by_region",
              "join and aggregate",
              """
              SELECT c.region, count(*) AS orders, sum(o.amount) AS revenue
              FROM orders o JOIN customers c ON c.id = o.customer_id
              WHERE o.status <> 'cancelled'
              GROUP BY c.region\
              """),
          new StreamTable(
              "order_details",
              "join of three tables",
              """
              SELECT o.id, c.name AS customer, c.region, p.name AS product, p.category,
                     o.quantity, o.amount, o.status
              FROM orders o
              JOIN customers c ON c.id = o.customer_id
              JOIN products p ON p.id = o.product_id\
              """),
          new StreamTable(
              "category_totals",
              "over order_details",
              """
              SELECT category, count(*) AS orders, sum(amount) AS revenue, max(amount) AS largest
              FROM order_details
              WHERE status <> 'cancelled'
              GROUP BY category\
              """));

  private DemoSchema() {}

  /// One stream table of the demo.
  ///
  /// @param shape what it is an example of
  record StreamTable(String name, String shape, String query) {
    String qualifiedName() {
      return "public." + name;
    }

    String channel() {
      return "demo_" + name;
    }
  }

  /// Makes everything; the stream tables fill up in the background.
  static void create(Connection connection) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(BASE_TABLES);
    }
    for (StreamTable table : STREAM_TABLES) {
      call(connection, "SELECT pgtrickle.create_stream_table(?, ?)", table.name(), table.query());
      call(connection, "SELECT pgtrickle.subscribe(?, ?)", table.name(), table.channel());
    }
  }

  private static void call(Connection connection, String sql, String... arguments)
      throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < arguments.length; i++) {
        statement.setString(i + 1, arguments[i]);
      }
      statement.execute();
    }
  }
}
