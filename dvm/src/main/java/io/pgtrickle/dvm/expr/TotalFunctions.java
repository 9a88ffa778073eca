package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;

/// The functions of `pg_catalog` that only the server evaluates and that fail for no values of
/// their arguments, so that a condition of them may be asked before others: where memory and stack
/// suffice, each ends in a value or NULL.
///
/// What reads a text (`to_date`), computes a number, or casts a document is not here; nor are
/// those of `json`, which find escapes in a document that are no characters; nor what tells the
/// shapes of arrays apart (`||`, `array_position`).
final class TotalFunctions {
  static final int ANY_ENUM = 3500;
  private static final int JSON = 114;
  private static final int JSONB = 3802;
  private static final int TEXT_ARRAY = 1009;
  private static final int INT4 = 23;
  private static final int INET = 869;
  private static final int ANY_ARRAY = 2277;
  private static final int ANY_ELEMENT = 2283;
  private static final int ANY_RANGE = 3831;

  private static final List<String> COMPARISONS = List.of("eq", "ne", "lt", "le", "gt", "ge");

  /// Arrays of types whose comparisons are built in: those of native types, `name`, `oid`, `time`,
  /// `inet`, `cidr`, `macaddr`, `jsonb`.
  private static final Set<Integer> ARRAYS =
      Set.of(
          1000, 1005, 1007, 1016, 1231, 1021, 1022, 1009, 1015, 1014, 1182, 1115, 1185, 1187, 2951,
          1001, 1003, 1028, 1183, 1041, 651, 1040, 3807);

  /// `int4range`, `numrange`, `tsrange`, `tstzrange`, `daterange`, `int8range`.
  private static final Set<Integer> RANGES = Set.of(3904, 3906, 3908, 3910, 3912, 3926);

  /// Regular expressions that are well-formed whatever follows what: plain characters, `.`, `.*`,
  /// `.+` and anchors.
  private static final Pattern PLAIN_PATTERN =
      Pattern.compile("\\^?([\\w @/,:;%&!\"'#=<>~-]|\\.[*+]?)*\\$?");

  private static final int LONGEST_PATTERN = 200;

  private static final Set<String> REGEX =
      Set.of("textregexeq", "textregexne", "texticregexeq", "texticregexne");

  private static final Set<String> SIGNATURES = signatures();

  private TotalFunctions() {}

  private static Set<String> signatures() {
    Set<String> signatures = new TreeSet<>();
    for (String comparison : List.of("lt", "le", "gt", "ge")) {
      add(signatures, "enum_" + comparison, ANY_ENUM, ANY_ENUM);
    }
    family(signatures, "jsonb_%s", JSONB, JSONB);
    family(signatures, "array_%s", ANY_ARRAY, ANY_ARRAY);
    family(signatures, "range_%s", ANY_RANGE, ANY_RANGE);
    family(signatures, "network_%s", INET, INET);
    family(signatures, "time_%s", 1083, 1083);
    family(signatures, "timetz_%s", 1266, 1266);
    family(signatures, "char%s", 18, 18);
    family(signatures, "name%s", 19, 19);
    family(signatures, "oid%s", 26, 26);
    family(signatures, "macaddr_%s", 829, 829);
    family(signatures, "bit%s", 1560, 1560);
    family(signatures, "varbit%s", 1562, 1562);
    for (String name : List.of("jsonb_exists_any", "jsonb_exists_all")) {
      add(signatures, name, JSONB, TEXT_ARRAY);
    }
    for (String name : List.of("jsonb_contains", "jsonb_contained")) {
      add(signatures, name, JSONB, JSONB);
    }
    for (String name : List.of("arrayoverlap", "arraycontains", "arraycontained")) {
      add(signatures, name, ANY_ARRAY, ANY_ARRAY);
    }
    add(signatures, "array_ndims", ANY_ARRAY);
    for (String name : List.of("array_lower", "array_upper")) {
      add(signatures, name, ANY_ARRAY, INT4);
    }
    for (String name :
        List.of(
            "range_overlaps",
            "range_contains",
            "range_contained_by",
            "range_before",
            "range_after",
            "range_overleft",
            "range_overright")) {
      add(signatures, name, ANY_RANGE, ANY_RANGE);
    }
    add(signatures, "range_contains_elem", ANY_RANGE, ANY_ELEMENT);
    add(signatures, "elem_contained_by_range", ANY_ELEMENT, ANY_RANGE);
    for (String name :
        List.of("lower", "upper", "isempty", "lower_inc", "upper_inc", "lower_inf", "upper_inf")) {
      add(signatures, name, ANY_RANGE);
    }
    for (String name :
        List.of(
            "network_sub", "network_subeq", "network_sup", "network_supeq", "network_overlap")) {
      add(signatures, name, INET, INET);
    }
    for (String name : List.of("family", "host", "masklen")) {
      add(signatures, name, INET);
    }
    return signatures;
  }

  private static void family(Set<String> signatures, String pattern, int... arguments) {
    for (String comparison : COMPARISONS) {
      add(signatures, pattern.formatted(comparison), arguments);
    }
  }

  private static void add(Set<String> signatures, String name, int... arguments) {
    List<Integer> types = new ArrayList<>();
    for (int argument : arguments) {
      types.add(argument);
    }
    signatures.add(new Signature(0, "pg_catalog", name, types, 0, true, 'i').toString());
  }

  /// As [Signature] writes them.
  static Set<String> all() {
    return SIGNATURES;
  }

  /// Whether a call never fails, if its arguments do not.
  static boolean contains(Signature function, List<Expr> arguments, int collation) {
    if (REGEX.contains(function.name()) && function.schema().equals("pg_catalog")) {
      return isPlainMatch(arguments, collation);
    }
    if (!SIGNATURES.contains(function.toString())
        || arguments.size() != function.arguments().size()) {
      return false;
    }
    for (int i = 0; i < arguments.size(); i++) {
      int type = arguments.get(i).type().oid();
      boolean known =
          switch (function.arguments().get(i)) {
            case ANY_ARRAY -> ARRAYS.contains(type);
            case ANY_RANGE -> RANGES.contains(type);
            default -> true;
          };
      if (!known) {
        return false;
      }
    }
    return true;
  }

  private static boolean isPlainMatch(List<Expr> arguments, int collation) {
    return NativeFunction.isDeterministic(collation)
        && arguments.size() == 2
        && arguments.getLast() instanceof Expr.Literal(var pattern, var _)
        && (!(pattern instanceof String text)
            || (text.length() <= LONGEST_PATTERN && PLAIN_PATTERN.matcher(text).matches()));
  }

  /// Whether what only the server understands never fails, if its operands do not: constants,
  /// elements of arrays, comparisons with elements.
  static boolean contains(Expr.Verbatim verbatim) {
    List<String> pieces = verbatim.pieces();
    List<SqlType> types = verbatim.operands().stream().map(Expr::type).toList();
    if (types.isEmpty()) {
      return !pieces.getFirst().startsWith("JSON");
    }
    if (pieces.getFirst().equals("ARRAY[")) {
      // Arrays of arrays must be of one shape.
      return types.stream().noneMatch(type -> type.kind() == TypeKind.OPAQUE);
    }
    if (!pieces.getFirst().equals("(") || types.size() != 2) {
      return false;
    }
    int left = types.getFirst().oid();
    int right = types.getLast().oid();
    return switch (pieces.get(1)) {
      case ")[" -> (left == JSONB || ARRAYS.contains(left)) && pieces.getLast().equals("]");
      default ->
          pieces.get(1).matches(" OPERATOR\\(\"pg_catalog\"\\.(=|<>)\\) (ANY|ALL) \\(")
              && types.getFirst().kind() != TypeKind.OPAQUE
              && ARRAYS.contains(right);
    };
  }

  /// Whether every value of a type that is not native has a text.
  static boolean hasText(int type) {
    return type == JSON
        || type == JSONB
        || type == INET
        || ARRAYS.contains(type)
        || RANGES.contains(type);
  }
}
