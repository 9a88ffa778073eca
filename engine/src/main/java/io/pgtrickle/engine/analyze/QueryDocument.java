package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.expr.Collation;
import io.pgtrickle.dvm.expr.DateOrder;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.expr.Signature;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.sql.Facts.NamedCollation;
import io.pgtrickle.dvm.sql.Facts.Operator;
import io.pgtrickle.dvm.sql.RelationShape;
import io.pgtrickle.dvm.sql.RelationShape.Attribute;
import io.pgtrickle.dvm.sql.RelationShape.Generation;
import io.pgtrickle.dvm.sql.RelationShape.Obstacle;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.engine.analyze.CatalogVersion.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/// All that the server knew about a query when it was defined, as the SQL shim collected it.
///
/// The user may have written it; it says what the query means, not what anybody may read.
///
/// @param query the text as the user wrote it
/// @param canonical the text as the server prints it, all names qualified
/// @param tree the analyzed tree
/// @param settings captured settings, and facts about the database
/// @param columns the result's columns
/// @param relations every relation that is read, directly or through views, by OID
/// @param relationVersions what tells a relation from what it was before DDL that the log says
///     nothing of
/// @param partitionVersions the same of which partitions a relation has and what they are, for
///     relations that are partitioned
/// @param functions functions and aggregates that are not PostgreSQL's own, by OID
/// @param functionVersions what tells a function from what it was before it was replaced
/// @param operators operators that are not PostgreSQL's own, by OID
/// @param resultColumns the columns of functions that return rows of several, by OID
/// @param collations the collations that occur, by OID
/// @param typeNames types that are not PostgreSQL's own, by OID
/// @param rowVersions what tells a row type from what it was before a field was added or renamed
/// @param enumLabels the labels of enum types by OID of the label
public record QueryDocument(
    String query,
    String canonical,
    String tree,
    Map<String, String> settings,
    List<Attribute> columns,
    Map<Integer, RelationShape> relations,
    Map<Integer, String> relationVersions,
    Map<Integer, String> partitionVersions,
    Map<Integer, Signature> functions,
    Map<Integer, String> functionVersions,
    Map<Integer, Operator> operators,
    Map<Integer, List<Column>> resultColumns,
    Map<Integer, NamedCollation> collations,
    Map<Integer, String> typeNames,
    Map<Integer, String> rowVersions,
    Map<Integer, String> enumLabels) {
  private static final JsonMapper MAPPER = JsonMapper.builder().build();
  private static final int FORMAT = 1;
  private static final List<String> SESSION_SETTINGS =
      List.of(
          "search_path",
          "TimeZone",
          "DateStyle",
          "IntervalStyle",
          "lc_monetary",
          "lc_numeric",
          "lc_time",
          "bytea_output",
          "extra_float_digits");

  public QueryDocument {
    settings = Map.copyOf(settings);
    columns = List.copyOf(columns);
    relations = Map.copyOf(relations);
    relationVersions = Map.copyOf(relationVersions);
    partitionVersions = Map.copyOf(partitionVersions);
    functions = Map.copyOf(functions);
    functionVersions = Map.copyOf(functionVersions);
    operators = Map.copyOf(operators);
    enumLabels = Map.copyOf(enumLabels);
    resultColumns = Map.copyOf(resultColumns);
    collations = Map.copyOf(collations);
    typeNames = Map.copyOf(typeNames);
    rowVersions = Map.copyOf(rowVersions);
  }

  /// The text is not a document of a format this version knows.
  public static final class MalformedDocument extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedDocument(String message) {
      super(message);
    }
  }

  /// Reads a document.
  ///
  /// @throws MalformedDocument when it is none
  public static QueryDocument parse(String json) {
    JsonNode document;
    try {
      document = MAPPER.readTree(json);
    } catch (JacksonException notJson) {
      throw new MalformedDocument("the query document is not JSON: " + notJson.getMessage());
    }
    if (document.path("format").asInt(0) != FORMAT) {
      throw new MalformedDocument(
          "the query document has format %s, expected %d"
              .formatted(document.path("format"), FORMAT));
    }
    Map<String, String> settings = new LinkedHashMap<>();
    document
        .path("settings")
        .properties()
        .forEach(setting -> settings.put(setting.getKey(), setting.getValue().asString("")));
    Map<Integer, RelationShape> relations = new LinkedHashMap<>();
    Map<Integer, String> relationVersions = new LinkedHashMap<>();
    Map<Integer, String> partitionVersions = new LinkedHashMap<>();
    for (JsonNode relation : document.path("relations")) {
      RelationShape shape = relation(relation);
      relations.put(shape.oid(), shape);
      relationVersions.put(shape.oid(), relation.path("version").asString(""));
      if (relation.path("partitions").isString()) {
        partitionVersions.put(shape.oid(), text(relation, "partitions"));
      }
    }
    Map<Integer, Signature> functions = new LinkedHashMap<>();
    Map<Integer, String> versions = new LinkedHashMap<>();
    for (JsonNode function : document.path("functions")) {
      functions.put(oid(function, "oid"), function(function));
      versions.put(oid(function, "oid"), function.path("version").asString(""));
    }
    Map<Integer, Operator> operators = new LinkedHashMap<>();
    for (JsonNode operator : document.path("operators")) {
      operators.put(oid(operator, "oid"), operator(operator));
    }
    Map<Integer, List<Column>> resultColumns = new LinkedHashMap<>();
    for (JsonNode function : document.path("row_functions")) {
      resultColumns.put(
          oid(function, "oid"),
          columns(function.path("columns")).stream()
              .map(column -> new Column(column.name(), column.type()))
              .toList());
    }
    Map<Integer, String> typeNames = new LinkedHashMap<>();
    Map<Integer, String> rowVersions = new LinkedHashMap<>();
    Map<Integer, String> enumLabels = new LinkedHashMap<>();
    for (JsonNode type : document.path("types")) {
      typeNames.put(oid(type, "oid"), qualifiedName(type));
      if (type.path("row_version").isString()) {
        rowVersions.put(oid(type, "oid"), text(type, "row_version"));
      }
      for (JsonNode label : type.path("label_oids")) {
        enumLabels.put(oid(label, "oid"), text(label, "label"));
      }
    }
    return new QueryDocument(
        text(document, "query"),
        text(document, "canonical"),
        text(document, "tree"),
        settings,
        columns(document.path("columns")),
        relations,
        relationVersions,
        partitionVersions,
        functions,
        versions,
        operators,
        resultColumns,
        collations(document.path("collations"), settings),
        typeNames,
        rowVersions,
        enumLabels);
  }

  /// All that the meaning of the query rests on and that DDL can change without a word in the log.
  ///
  /// What becomes of partitions changes rows and no meaning: see [#partitionings].
  public Set<CatalogVersion> versions() {
    Set<CatalogVersion> versions = new HashSet<>();
    relationVersions.forEach(
        (oid, version) -> versions.add(new CatalogVersion(Kind.RELATION, oid, version)));
    // One that is added changes nothing.
    relations.forEach(
        (oid, relation) -> {
          if (!relation.primaryKey().isEmpty()) {
            versions.add(
                new CatalogVersion(Kind.PRIMARY_KEY, oid, relation.primaryKey().toString()));
          }
        });
    functionVersions.forEach(
        (oid, version) -> versions.add(new CatalogVersion(Kind.FUNCTION, oid, version)));
    rowVersions.forEach(
        (oid, version) -> versions.add(new CatalogVersion(Kind.ROW_TYPE, oid, version)));
    enumLabels.forEach((oid, label) -> versions.add(new CatalogVersion(Kind.LABEL, oid, label)));
    return versions;
  }

  /// Which partitions the relations have that are read.
  public Set<CatalogVersion> partitionings() {
    Set<CatalogVersion> versions = new HashSet<>();
    partitionVersions.forEach(
        (oid, version) -> versions.add(new CatalogVersion(Kind.PARTITIONS, oid, version)));
    return versions;
  }

  /// What the value of an expression depends on besides its row.
  public EvaluationSettings evaluationSettings() {
    Map<Integer, Collation> properties = new LinkedHashMap<>();
    collations.forEach((oid, collation) -> properties.put(oid, collation.properties()));
    return new EvaluationSettings(
        serverVersion() / 10_000,
        setting("TimeZone"),
        setting("DateStyle").toUpperCase(Locale.ROOT).startsWith("ISO"),
        DateOrder.of(setting("DateStyle")),
        setting("IntervalStyle").equals("postgres"),
        printsFloatsExactly(),
        setting("bytea_output").equals("hex"),
        setting("server_encoding").equals("UTF8"),
        properties);
  }

  /// On what the server's evaluation of an expression depends.
  public Inquiry.Context context(String owner) {
    return new Inquiry.Context(owner, sessionSettings(), functionVersions, rowVersions);
  }

  /// The session settings that were captured and that results depend on, as `set_config` takes
  /// them.
  public Map<String, String> sessionSettings() {
    Map<String, String> captured = new LinkedHashMap<>();
    for (String name : SESSION_SETTINGS) {
      captured.put(name, setting(name));
    }
    return captured;
  }

  /// The server's version, for example 180006.
  public int serverVersion() {
    return Integer.parseInt(setting("server_version_num"));
  }

  /// Whether the text of a float is that float under the captured settings.
  boolean printsFloatsExactly() {
    return Integer.parseInt(setting("extra_float_digits")) > 0;
  }

  private String setting(String name) {
    String value = settings.get(name);
    if (value == null) {
      throw new MalformedDocument("the query document lacks setting " + name);
    }
    return value;
  }

  private static RelationShape relation(JsonNode node) {
    List<Integer> primaryKey = new ArrayList<>();
    node.path("primary_key").forEach(number -> primaryKey.add(number.asInt()));
    char kind = text(node, "relkind").charAt(0);
    return new RelationShape(
        oid(node, "oid"),
        text(node, "schema"),
        text(node, "name"),
        kind,
        obstacle(node, kind),
        kind == 'r' && !node.path("descendants").isEmpty(),
        node.path("row_security").asBoolean(false),
        columns(node.path("columns")),
        primaryKey,
        node.path("tree").isString() ? Optional.of(text(node, "tree")) : Optional.empty());
  }

  /// Why the stream of changes does not show what happens to a relation.
  private static Optional<String> obstacle(JsonNode node, char kind) {
    if (node.path("system").asBoolean(false)) {
      return Optional.of("system catalog");
    }
    return switch (kind) {
      case 'v' -> Optional.empty();
      case 'm' -> Optional.of("materialized view");
      case 'f' -> Optional.of("foreign table");
      case 'r', 'p' -> {
        Optional<String> own = persistenceObstacle(node);
        if (own.isPresent()) {
          yield own;
        }
        // The publication tells a partition's changes as those of the root.
        yield node.path("is_partition").asBoolean(false)
            ? Optional.of("partition")
            : partitionObstacle(node, kind);
      }
      default -> Optional.of("relation of kind '" + kind + "'");
    };
  }

  private static Optional<String> persistenceObstacle(JsonNode node) {
    return switch (text(node, "persistence")) {
      case "u" -> Optional.of("unlogged table");
      case "t" -> Optional.of("temporary table");
      default -> Optional.empty();
    };
  }

  private static Optional<String> partitionObstacle(JsonNode node, char kind) {
    if (kind == 'p') {
      for (JsonNode part : node.path("descendants")) {
        boolean foreign = text(part, "relkind").equals("f");
        if (foreign || persistenceObstacle(part).isPresent()) {
          return Optional.of(
              "table with "
                  + (foreign ? "foreign" : "unlogged")
                  + " partition "
                  + qualifiedName(part)
                  + ":");
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<Obstacle> columnObstacle(JsonNode column) {
    JsonNode computed = column.path("computed");
    if (computed.path("elsewhere").isString()) {
      return Optional.of(Obstacle.GENERATED_DIFFERENTLY);
    }
    if (computed.isObject() && !computed.path("lasting").asBoolean(false)) {
      return Optional.of(Obstacle.GENERATED_BY_USER_CODE);
    }
    return column.path("form").asString("binary").equals("binary")
        ? Optional.empty()
        : Optional.of(Obstacle.WITHOUT_BINARY_FORM);
  }

  private static List<Attribute> columns(JsonNode nodes) {
    List<Attribute> columns = new ArrayList<>();
    for (JsonNode column : nodes) {
      columns.add(
          new Attribute(
              column.path("attnum").asInt(),
              text(column, "name"),
              SqlType.of(
                  oid(column, "type_oid"),
                  column.path("typmod").asInt(-1),
                  oid(column, "collation")),
              column.path("not_null").asBoolean(false),
              columnObstacle(column),
              generation(column.path("computed"))));
    }
    return columns;
  }

  private static Optional<Generation> generation(JsonNode node) {
    return node.isObject()
        ? Optional.of(
            new Generation(
                text(node, "tree"), text(node, "expression"), node.path("stored").asBoolean(false)))
        : Optional.empty();
  }

  /// The signature of a user's function as far as it matters: it is not native, and whether its
  /// results last.
  private static Signature function(JsonNode node) {
    return new Signature(
        oid(node, "oid"),
        text(node, "schema"),
        text(node, "name"),
        List.of(),
        0,
        false,
        text(node, "volatility").charAt(0),
        node.path("equality").asBoolean(false));
  }

  private static Operator operator(JsonNode node) {
    return new Operator(
        oid(node, "oid"),
        text(node, "schema"),
        text(node, "name"),
        oid(node, "left"),
        oid(node, "right"),
        oid(node, "function"),
        place(node.path("strategy").asInt(0)));
  }

  // As operator families of B-trees number them.
  private static Operator.Place place(int strategy) {
    return switch (strategy) {
      case 1 -> Operator.Place.LESS;
      case 3 -> Operator.Place.EQUAL;
      case 5 -> Operator.Place.GREATER;
      default -> Operator.Place.OTHER;
    };
  }

  private static Map<Integer, NamedCollation> collations(
      JsonNode nodes, Map<String, String> settings) {
    Map<Integer, NamedCollation> collations = new LinkedHashMap<>();
    for (JsonNode node : nodes) {
      collations.put(
          oid(node, "oid"),
          new NamedCollation(
              qualifiedName(node),
              Collation.of(
                  text(node, "provider").charAt(0),
                  node.path("collate").asString(""),
                  node.path("ctype").asString(""),
                  node.path("locale").asString(""),
                  node.path("deterministic").asBoolean(false))));
    }
    // The database's own, of which pg_collation only says "default"; it is always deterministic.
    String provider = settings.getOrDefault("datlocprovider", "");
    collations.put(
        SqlType.DEFAULT_COLLATION,
        new NamedCollation(
            "\"pg_catalog\".\"default\"",
            Collation.of(
                provider.isEmpty() ? ' ' : provider.charAt(0),
                settings.getOrDefault("datcollate", ""),
                settings.getOrDefault("datctype", ""),
                settings.getOrDefault("datlocale", ""),
                true)));
    return collations;
  }

  private static String qualifiedName(JsonNode node) {
    return RelationShape.quote(text(node, "schema"))
        + "."
        + RelationShape.quote(text(node, "name"));
  }

  private static int oid(JsonNode node, String field) {
    JsonNode value = node.path(field);
    if (!value.isIntegralNumber()) {
      throw new MalformedDocument("the query document lacks number " + field);
    }
    return (int) value.asLong();
  }

  private static String text(JsonNode node, String field) {
    JsonNode value = node.path(field);
    if (!value.isString()) {
      throw new MalformedDocument("the query document lacks text " + field);
    }
    return value.asString();
  }
}
