package io.pgtrickle.engine.analyze;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.expr.CaseMapping;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.sql.ConstantImage;
import io.pgtrickle.dvm.sql.Facts.ArrayType;
import io.pgtrickle.dvm.sql.Facts.Cast;
import io.pgtrickle.dvm.sql.Facts.Operator;
import io.pgtrickle.dvm.sql.RelationShape;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.engine.analyze.TypedLiterals.Literal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;
import javax.sql.DataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What the server says about its built-in functions, operators, casts and types, cached.
///
/// Only objects of initdb (OIDs below 16384) are asked for: they are the same for every session and
/// never change while a server runs, so an answer is good for the life of the process. Objects of
/// users come with the query document.
///
/// Safe for use by several threads.
public final class ServerCatalog {
  private static final Logger LOG = LoggerFactory.getLogger(ServerCatalog.class);
  private static final int FIRST_USER_OID = 16384;
  private static final int MOST_COLUMNS = 1000;
  private static final String NATIVE_TYPES =
      "(16, 17, 20, 21, 23, 25, 700, 701, 1042, 1043, 1082, 1114, 1184, 1186, 1700, 2950)";

  private final DataSource server;
  private final Cache<Integer, Optional<Signature>> functions = cache();
  private final Cache<Integer, Optional<Operator>> operators = cache();
  private final Cache<Integer, Optional<Operator>> operatorsOfFunctions = cache();
  private final Cache<List<Integer>, Optional<Cast>> casts = cache();
  private final Cache<Integer, Optional<String>> typeNames = cache();

  public ServerCatalog(DataSource server) {
    this.server = server;
  }

  // Libraries are updated under a server that restarts.
  private final Cache<String, CaseMapping> letterCases =
      Caffeine.newBuilder().maximumSize(100).expireAfterWrite(Duration.ofHours(1)).build();

  private static <K, V> Cache<K, V> cache() {
    return Caffeine.newBuilder().maximumSize(10_000).build();
  }

  Optional<Signature> function(int oid) {
    return builtIn(functions, oid, this::readFunction);
  }

  Optional<Operator> operator(int oid) {
    return builtIn(operators, oid, id -> readOperator("o.oid = ?::pg_catalog.oid", id));
  }

  Optional<Operator> operatorOf(int function) {
    return builtIn(
        operatorsOfFunctions, function, id -> readOperator("o.oprcode = ?::pg_catalog.oid", id));
  }

  Optional<Cast> implicitCast(int source, int target) {
    return casts.get(List.of(source, target), _ -> readCast(source, target));
  }

  Optional<String> typeName(int oid) {
    return builtIn(typeNames, oid, this::readTypeName);
  }

  /// Where the server's rules of a time zone differ from ours. Not cached: a server that is updated
  /// brings other rules.
  Optional<String> zoneDifference(ZoneId zone) {
    try (Connection connection = server.getConnection()) {
      return ZoneComparison.difference(connection, zone);
    } catch (SQLException failure) {
      throw unavailable(failure);
    }
  }

  /// Upper and lower case under a collation, where it goes character by character.
  ///
  /// @param collation its qualified, quoted name
  Optional<CaseMapping> letterCase(String collation) {
    CaseMapping known = letterCases.getIfPresent(collation);
    if (known != null) {
      return Optional.of(known);
    }
    try (Connection connection = server.getConnection()) {
      Optional<CaseMapping> read = LetterCase.read(connection, collation);
      read.ifPresent(table -> letterCases.put(collation, table));
      return read;
    } catch (SQLException failure) {
      throw unavailable(failure);
    }
  }

  /// Whether ORDER BY takes values of a type.
  boolean isSortable(int type) {
    return known(
        """
        SELECT EXISTS (
          SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am a ON a.oid = o.opcmethod
          WHERE a.amname = 'btree' AND o.opcdefault AND o.opcintype IN (
            t.oid, t.typbasetype,
            CASE WHEN t.typcategory = 'A' THEN 2277 WHEN t.typtype = 'e' THEN 3500
              WHEN t.typtype = 'r' THEN 3831 WHEN t.typtype = 'm' THEN 4537 END,
            CASE t.oid WHEN 650 THEN 869 WHEN 1043 THEN 25 END))
        FROM pg_catalog.pg_type t WHERE t.oid = ?::pg_catalog.oid
        """,
        type);
  }

  /// Whether values of a type are sorted by an operator class that somebody has made.
  boolean isSortedByUsers(int type) {
    return known(
        """
        SELECT EXISTS (
          SELECT FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am a ON a.oid = o.opcmethod
          WHERE a.amname = 'btree' AND o.opcdefault AND o.opcintype IN (t.oid, t.typbasetype)
            AND o.oid >= 16384)
        FROM pg_catalog.pg_type t WHERE t.oid = ?::pg_catalog.oid
        """,
        type);
  }

  /// The version of the rules by which a collation sorts, as the library that has them says; that
  /// of the server where it does not.
  ///
  /// @param serverVersion the major one
  String collationVersion(int collation, int serverVersion) {
    String version = "pg_catalog.pg_collation_actual_version(?::pg_catalog.oid)";
    if (collation == SqlType.DEFAULT_COLLATION) {
      version =
          serverVersion >= 15
              ? "(SELECT pg_catalog.pg_database_collation_actual_version(d.oid)"
                  + " FROM pg_catalog.pg_database d"
                  + " WHERE d.datname = pg_catalog.current_database() AND ? <> 0)"
              : "(SELECT pg_catalog.pg_collation_actual_version(c.oid)"
                  + " FROM pg_catalog.pg_database d JOIN pg_catalog.pg_collation c"
                  + " ON c.collcollate = d.datcollate AND c.collprovider = 'c'"
                  + " WHERE d.datname = pg_catalog.current_database() AND ? <> 0 LIMIT 1)";
    }
    return query(
            "SELECT coalesce(" + version + ", pg_catalog.current_setting('server_version'))",
            row -> row.getString(1),
            collation)
        .orElse("unknown");
  }

  /// Whether the text form of a type means the same for ever: its input or output function is
  /// immutable, or it is an enum or a time of day, whose functions are stable for other reasons.
  ///
  /// @param input whether the text is read, otherwise it is written
  boolean hasLastingText(int type, boolean input) {
    return known(
        "SELECT p.provolatile = 'i' OR t.typtype = 'e' OR t.oid = 1083"
            + " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_proc p ON p.oid = t."
            + (input ? "typinput" : "typoutput")
            + " WHERE t.oid = ?::pg_catalog.oid",
        type);
  }

  /// Whether values of a type come back from their text as they were, for ever: unlike names of
  /// objects, and whole rows.
  boolean travelsAsText(int type) {
    return known(
        "SELECT p.provolatile = 'i' OR t.typtype IN ('e', 'r', 'm') OR t.oid IN (1083, 1266)"
            + " OR (t.typcategory = 'A' AND t.typelem IN "
            + NATIVE_TYPES
            + ")"
            + " FROM pg_catalog.pg_type t JOIN pg_catalog.pg_proc p ON p.oid = t.typoutput"
            // What xml is depends on a setting, and a user's cast is not what the type writes.
            + " WHERE t.oid = ?::pg_catalog.oid AND t.typtype <> 'p' AND t.oid <> 142 AND NOT"
            + " EXISTS (SELECT FROM pg_catalog.pg_cast c WHERE c.castfunc >= 16384 AND 25 IN"
            + " (c.castsource, c.casttarget) AND t.oid IN (c.castsource, c.casttarget))",
        type);
  }

  /// Whether values of a type can be arguments of what the server is asked: everything but pseudo
  /// types, arrays of what the engine does not understand, and what cannot be received without
  /// running what a user wrote. A domain is sent as what it is made of.
  boolean isSendable(int type) {
    return known(
        "SELECT NOT pgtrickle_internal.runs_user_code(pgtrickle_internal.base_type(t.oid))"
            + " AND t.typtype <> 'p' AND t.typsend <> 0 AND (t.typcategory <> 'A' OR t.typelem IN "
            + NATIVE_TYPES
            + ")"
            + " FROM pg_catalog.pg_type t WHERE t.oid = ?::pg_catalog.oid",
        type);
  }

  /// What the values of a type are collected in.
  Optional<ArrayType> arrayOf(int type) {
    return query(
        """
        SELECT CASE WHEN a.is_array THEN t.oid ELSE t.typarray END::bigint,
               CASE WHEN a.is_array THEN t.typelem ELSE t.oid END::bigint
        FROM pg_catalog.pg_type t, LATERAL (SELECT t.typcategory = 'A' AND t.typlen = -1) a (is_array)
        WHERE t.oid = ?::pg_catalog.oid AND (a.is_array OR t.typarray <> 0)
        """,
        row -> new ArrayType((int) row.getLong(1), (int) row.getLong(2)),
        type);
  }

  /// The quoted name of a field of a row type.
  Optional<String> fieldName(int rowType, int number) {
    return query(
        """
        SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_type t
        JOIN pg_catalog.pg_attribute a ON a.attrelid = t.typrelid
        WHERE t.oid = ?::pg_catalog.oid AND a.attnum = ? AND NOT a.attisdropped
        """,
        row -> row.getString(1),
        rowType,
        number);
  }

  /// The typed literals that a query and the views it reads are written with, by the memory images
  /// that the server makes of them; but for those of types that no other transaction sees yet, and
  /// those that cannot be read without running what a user wrote: it would run as the sidecar's
  /// role.
  Map<ConstantImage, String> constants(QueryDocument document) {
    try (Connection connection = server.getConnection()) {
      Set<Literal> literals = new LinkedHashSet<>(TypedLiterals.in(document.canonical()));
      Set<String> paths = new LinkedHashSet<>(TypedLiterals.paths(document.canonical()));
      for (RelationShape relation : document.relations().values()) {
        if (relation.view().isPresent()) {
          String view = viewText(connection, relation.oid());
          literals.addAll(TypedLiterals.in(view));
          paths.addAll(TypedLiterals.paths(view));
        }
        for (RelationShape.Attribute column : relation.columns()) {
          String computed = column.generation().map(RelationShape.Generation::text).orElse("");
          literals.addAll(TypedLiterals.in(computed));
          paths.addAll(TypedLiterals.paths(computed));
        }
      }
      Map<ConstantImage, String> images = images(connection, readable(connection, literals));
      // One that is none must not hide the others.
      for (String path : paths) {
        images.putAll(images(connection, List.of(path)));
      }
      return images;
    } catch (SQLException failure) {
      throw unavailable(failure);
    }
  }

  // Already the analysis of a query reads its literals: elements of arrays and fields of rows with
  // the conditions of their domains.
  private static List<String> readable(Connection connection, Set<Literal> literals)
      throws SQLException {
    Set<String> types = new HashSet<>();
    try (PreparedStatement query =
        connection.prepareStatement(
            """
            SELECT w.name
            FROM pg_catalog.unnest(?::pg_catalog.text[]) w (name),
              LATERAL (SELECT pg_catalog.to_regtype(w.name)::pg_catalog.oid) t (oid)
            WHERE t.oid IS NOT NULL AND NOT pgtrickle_internal.runs_user_code(t.oid)
            """)) {
      query.setArray(
          1,
          connection.createArrayOf(
              "text", literals.stream().map(Literal::type).distinct().toArray()));
      try (ResultSet row = query.executeQuery()) {
        while (row.next()) {
          types.add(row.getString(1));
        }
      }
    }
    return literals.stream()
        .filter(literal -> types.contains(literal.type()))
        .map(Literal::sql)
        .toList();
  }

  private static Map<ConstantImage, String> images(Connection connection, List<String> literals)
      throws SQLException {
    Map<ConstantImage, String> images = new HashMap<>();
    for (int from = 0; from < literals.size(); from += MOST_COLUMNS) {
      List<String> some = literals.subList(from, Math.min(literals.size(), from + MOST_COLUMNS));
      StringJoiner select = new StringJoiner(", ", "SELECT ", "");
      for (int i = 0; i < some.size(); i++) {
        select.add(some.get(i) + " AS c" + i);
      }
      try {
        String tree = RoundTrip.analyzed(connection, select.toString());
        List<Optional<ConstantImage>> found = ConstantImage.selected(tree);
        for (int i = 0; i < some.size(); i++) {
          String literal = some.get(i);
          found.get(i).ifPresent(image -> images.put(image, literal));
        }
      } catch (SQLException failure) {
        if (String.valueOf(failure.getSQLState()).startsWith("08")) {
          throw failure;
        }
        LOG.info("the constants of a query are not understood: {}", failure.getMessage());
      }
    }
    return images;
  }

  private static String viewText(Connection connection, int view) throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement(
            "SELECT coalesce(pg_catalog.pg_get_viewdef(?::pg_catalog.oid), '')")) {
      statement.setLong(1, Integer.toUnsignedLong(view));
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        return row.getString(1);
      }
    }
  }

  // A type of a transaction under way is seen at initialization.
  private boolean known(String question, int oid) {
    return query(question, row -> row.getBoolean(1), oid).orElse(true);
  }

  private interface Lookup<V> {
    Optional<V> read(int oid);
  }

  private static <V> Optional<V> builtIn(
      Cache<Integer, Optional<V>> cache, int oid, Lookup<V> lookup) {
    return Integer.compareUnsigned(oid, FIRST_USER_OID) < 0
        ? cache.get(oid, lookup::read)
        : Optional.empty();
  }

  private Optional<Signature> readFunction(int oid) {
    return query(
        """
        SELECT n.nspname, p.proname, p.proargtypes::oid[], p.prorettype::bigint, p.proisstrict,
               coalesce((SELECT max(s.provolatile::text) FROM pg_catalog.pg_aggregate a
                         JOIN pg_catalog.pg_proc s
                           ON s.oid = a.aggtransfn OR s.oid = a.aggfinalfn
                         WHERE a.aggfnoid = p.oid), p.provolatile::text)
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        WHERE p.oid = ?::pg_catalog.oid
        """,
        row ->
            new Signature(
                oid,
                row.getString(1),
                row.getString(2),
                oids(row.getArray(3)),
                (int) row.getLong(4),
                row.getBoolean(5),
                row.getString(6).charAt(0)),
        oid);
  }

  private static List<Integer> oids(Array array) throws SQLException {
    List<Integer> oids = new ArrayList<>();
    for (Object oid : (Object[]) array.getArray()) {
      oids.add(((Number) oid).intValue());
    }
    return oids;
  }

  private Optional<Operator> readOperator(String condition, int oid) {
    return query(
        """
        SELECT o.oid::bigint, n.nspname, o.oprname, o.oprleft::bigint, o.oprright::bigint,
               o.oprcode::oid::bigint
        FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace
        WHERE %s AND o.oid < 16384 ORDER BY o.oid
        """
            .formatted(condition),
        row ->
            new Operator(
                (int) row.getLong(1),
                row.getString(2),
                row.getString(3),
                (int) row.getLong(4),
                (int) row.getLong(5),
                (int) row.getLong(6),
                Operator.Place.OTHER),
        oid);
  }

  /// A cast without a function is one that keeps the bytes; a cast through text is never implicit.
  private Optional<Cast> readCast(int source, int target) {
    return query(
            """
            SELECT castfunc::bigint FROM pg_catalog.pg_cast
            WHERE castsource = ?::pg_catalog.oid AND casttarget = ?::pg_catalog.oid AND castcontext = 'i' AND castmethod <> 'i'
              AND oid < 16384
            """,
            row -> (int) row.getLong(1),
            source,
            target)
        .map(function -> new Cast(function == 0 ? Optional.empty() : function(function)));
  }

  private Optional<String> readTypeName(int oid) {
    return query(
        """
        SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(t.typname)
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE t.oid = ?::pg_catalog.oid
        """,
        row -> row.getString(1),
        oid);
  }

  private interface RowReader<V> {
    V read(ResultSet row) throws SQLException;
  }

  private <V> Optional<V> query(String sql, RowReader<V> reader, int... oids) {
    try (Connection connection = server.getConnection();
        PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < oids.length; i++) {
        statement.setLong(i + 1, Integer.toUnsignedLong(oids[i]));
      }
      try (ResultSet row = statement.executeQuery()) {
        return row.next() ? Optional.of(reader.read(row)) : Optional.empty();
      }
    } catch (SQLException failure) {
      throw unavailable(failure);
    }
  }

  private static SourceUnavailable unavailable(SQLException failure) {
    String state = failure.getSQLState();
    return new SourceUnavailable(
        state == null ? "08000" : state,
        "the server's catalog could not be read: " + failure.getMessage(),
        failure);
  }
}
