package io.pgtrickle.engine.e2e;

import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/// The base tables of the end-to-end tests and random transactions over them.
///
/// Values are drawn from small domains, so that keys collide, groups empty and refill, and rows
/// repeat;
/// NULLs are frequent. Floats are multiples of 1/4, whose sums are exact in any order.
final class Shop {
  static final String SCHEMA =
      """
      CREATE TABLE customers (
        id int PRIMARY KEY, name text, region varchar(12), credit numeric(12,2), vip bool, born date);
      CREATE TABLE orders (
        id bigint PRIMARY KEY, customer_id int, status varchar(10), amount numeric, placed timestamp,
        note text);
      CREATE TABLE lines (
        order_id bigint, line int2, product_id int, qty int, price float8, PRIMARY KEY (order_id, line));
      CREATE TABLE products (
        id int PRIMARY KEY, name text, category char(5), weight float4, price numeric(10,3), tag uuid,
        image bytea);
      CREATE TABLE events (kind text, at timestamptz, val int, flag bool);
      """;

  private static final String[] REGIONS = {"north", "south", "east", "west", "Nord-Ost"};
  private static final String[] STATUSES = {"new", "paid", "sent", "void"};
  private static final String[] KINDS = {"click", "view", "buy", "", "ü€𝄞"};
  private static final int IDS = 24;

  private final Random random;

  Shop(long seed) {
    this.random = new Random(seed);
  }

  /// Runs one transaction of several random statements over several tables; sometimes rolls it, or
  /// a
  /// savepoint of it, back.
  void transaction(Connection connection) throws SQLException {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      int statements = 1 + random.nextInt(6);
      for (int i = 0; i < statements; i++) {
        boolean undone = random.nextInt(12) == 0;
        if (undone) {
          statement.execute("SAVEPOINT s");
        }
        for (String sql : change()) {
          statement.execute(sql);
        }
        if (undone) {
          statement.execute("ROLLBACK TO s");
        }
      }
      if (random.nextInt(15) == 0) {
        connection.rollback();
      } else {
        connection.commit();
      }
    } finally {
      connection.setAutoCommit(true);
    }
  }

  private List<String> change() {
    List<String> sql = new ArrayList<>();
    switch (random.nextInt(22)) {
      case 0, 1, 2 -> sql.add(upsertCustomer());
      case 3, 4, 5, 6 -> sql.add(upsertOrder());
      case 7, 8, 9 -> sql.add(upsertLine());
      case 10, 11 -> sql.add(upsertProduct());
      case 12, 13 -> sql.add(insertEvents());
      case 14 -> sql.add("DELETE FROM customers WHERE id = " + id());
      case 15 -> {
        // Both sides of a join lose their rows in one transaction.
        int order = id();
        sql.add("DELETE FROM lines WHERE order_id = " + order);
        sql.add("DELETE FROM orders WHERE id = " + order);
      }
      case 16 -> sql.add("DELETE FROM products WHERE id = " + id());
      case 17 ->
          // One of several identical rows goes.
          sql.add(
              "DELETE FROM events WHERE ctid IN (SELECT ctid FROM events WHERE kind = "
                  + text(KINDS)
                  + " LIMIT 1)");
      case 18 -> sql.add("UPDATE events SET val = val + 1 WHERE flag IS NOT TRUE");
      case 19 -> {
        // The key itself changes, onto a free one.
        int to = 1000 + random.nextInt(1000);
        sql.add(
            "UPDATE orders SET id = "
                + to
                + ", customer_id = "
                + id()
                + " WHERE id = "
                + id()
                + " AND NOT EXISTS (SELECT FROM orders WHERE id = "
                + to
                + ")");
      }
      case 20 ->
          // A row comes and goes within the transaction.
          sql.addAll(
              List.of(
                  "INSERT INTO customers VALUES (999, 'ghost', 'north', 1, true, NULL)"
                      + " ON CONFLICT DO NOTHING",
                  "UPDATE customers SET region = 'south' WHERE id = 999",
                  "DELETE FROM customers WHERE id = 999"));
      default ->
          sql.add(
              random.nextInt(6) == 0
                  ? "TRUNCATE events"
                  : "UPDATE orders SET amount = amount * -1, status = "
                      + text(STATUSES)
                      + " WHERE customer_id = "
                      + id());
    }
    return sql;
  }

  private String upsertCustomer() {
    return "INSERT INTO customers VALUES ("
        + id()
        + ", "
        + text("ada", "bob", "Ada", "")
        + ", "
        + text(REGIONS)
        + ", "
        + orNull(cents())
        + ", "
        + bool()
        + ", "
        + orNull("date '2000-02-28' + " + id())
        + ") ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, region = EXCLUDED.region,"
        + " credit = EXCLUDED.credit, vip = EXCLUDED.vip";
  }

  private String upsertOrder() {
    return "INSERT INTO orders VALUES ("
        + id()
        + ", "
        + orNull(String.valueOf(id()))
        + ", "
        + text(STATUSES)
        + ", "
        + orNull(decimal())
        + ", "
        + orNull(
            "timestamp '2024-02-28 22:30:00' + " + random.nextInt(100) + " * interval '37 min'")
        + ", "
        + text("x", "long " + "y".repeat(random.nextInt(3) == 0 ? 5000 : 3))
        + ") ON CONFLICT (id) DO UPDATE SET customer_id = EXCLUDED.customer_id,"
        + " amount = EXCLUDED.amount, status = EXCLUDED.status"
        + (random.nextBoolean() ? ", note = EXCLUDED.note" : "");
  }

  private String upsertLine() {
    return "INSERT INTO lines VALUES ("
        + id()
        + ", "
        + random.nextInt(3)
        + ", "
        + orNull(String.valueOf(id()))
        + ", "
        + orNull(String.valueOf(random.nextInt(9) - 2))
        + ", "
        + orNull(quarter())
        + ") ON CONFLICT (order_id, line) DO UPDATE SET qty = EXCLUDED.qty, price = EXCLUDED.price,"
        + " product_id = EXCLUDED.product_id";
  }

  private String upsertProduct() {
    return "INSERT INTO products VALUES ("
        + id()
        + ", "
        + text("nut", "bolt", "Nut", "screw 10%")
        + ", "
        + text("a", "b", "bb ")
        + ", "
        + orNull(quarter())
        + ", "
        + orNull(cents())
        + ", "
        + orNull("'00000000-0000-0000-0000-00000000000" + random.nextInt(4) + "'::uuid")
        + ", "
        + orNull("'\\x0" + random.nextInt(4) + "ff'::bytea")
        + ") ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, category = EXCLUDED.category,"
        + " price = EXCLUDED.price, weight = EXCLUDED.weight";
  }

  private String insertEvents() {
    return "INSERT INTO events SELECT "
        + text(KINDS)
        + ", "
        + orNull(
            "timestamptz '2024-03-31 00:30:00+00' + " + random.nextInt(50) + " * interval '17 min'")
        + ", "
        + orNull(String.valueOf(random.nextInt(4)))
        + ", "
        + bool()
        + " FROM generate_series(1, "
        + (1 + random.nextInt(3))
        + ")";
  }

  private int id() {
    return random.nextInt(IDS);
  }

  private String orNull(String value) {
    return random.nextInt(6) == 0 ? "NULL" : value;
  }

  private String text(String... values) {
    return orNull("'" + values[random.nextInt(values.length)] + "'");
  }

  private String bool() {
    return orNull(String.valueOf(random.nextBoolean()));
  }

  private String cents() {
    return (random.nextInt(20_000) - 5_000) / 100.0 + "";
  }

  private String quarter() {
    return (random.nextInt(400) - 100) / 4.0 + "";
  }

  // Numerics of different display scales, so that sums must know which scales are present.
  private String decimal() {
    return switch (random.nextInt(5)) {
      case 0 -> random.nextInt(100) + "";
      case 1 -> random.nextInt(1000) / 10.0 + "";
      case 2 -> "-" + random.nextInt(100) + ".000";
      case 3 -> random.nextInt(1_000_000) + ".123456789012345678901";
      default -> random.nextInt(100) + ".50";
    };
  }
}
