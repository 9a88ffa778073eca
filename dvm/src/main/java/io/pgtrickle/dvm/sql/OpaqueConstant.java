package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.type.ArrayElements;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Constants of types without a codec. Documents, labels of enums and arrays are values; others are
/// read far enough to be written again, for the server to evaluate.
final class OpaqueConstant {
  private static final int JSON = 114;
  private static final int JSONB = 3802;
  private static final int TIME = 1083;
  private static final int UNKNOWN = 705;

  /// What the binary form of `jsonb` begins with.
  private static final String JSONB_VERSION = "\u0001";

  private OpaqueConstant() {}

  /// The constant as a value in its binary form, or as an expression of the server.
  static Expr of(Datum datum, SqlType type, Facts facts) {
    Optional<Bytes> value = value(datum, type, facts);
    if (value.isPresent()) {
      return new Expr.Literal(value.get(), type);
    }
    String name =
        facts.typeName(type.oid()).orElseThrow(() -> NodeForm.notUnderstood("type " + type.oid()));
    String sql =
        text(datum, type)
            .map(text -> ExpressionText.quoted(text) + "::" + name)
            .or(() -> facts.constant(new ConstantImage(type.oid(), datum.image())))
            .orElseThrow(
                () -> QueryRejected.notYet("unsupported_type", "a constant of type " + name));
    return new Expr.Verbatim(List.of(sql), List.of(), type);
  }

  private static Optional<String> text(Datum datum, SqlType type) {
    return switch (type.oid()) {
      case TIME -> Optional.of(time(DatumImage.word(datum)));
      case UNKNOWN -> Optional.of(DatumImage.terminatedText(datum));
      default -> Optional.empty();
    };
  }

  private static Optional<Bytes> value(Datum datum, SqlType type, Facts facts) {
    Optional<SqlType> element = KnownTypes.elementOf(type.oid()).map(SqlType::of);
    if (element.isPresent()) {
      DatumImage.Array array = DatumImage.array(datum, element.get());
      return Optional.of(
          ArrayElements.array(
              element.get(),
              array.bounds(),
              array.elements().stream().map(Expr.Literal::value).toList()));
    }
    return switch (type.oid()) {
      case JSON -> Optional.of(bytes(DatumImage.text(datum)));
      case JSONB -> Optional.of(bytes(JSONB_VERSION + JsonbImage.text(DatumImage.content(datum))));
      case TIME -> Optional.empty();
      default ->
          datum.image().toArray().length == Long.BYTES
              ? facts.enumLabel((int) DatumImage.word(datum)).map(OpaqueConstant::bytes)
              : Optional.empty();
    };
  }

  private static Bytes bytes(String text) {
    return Bytes.copyOf(text.getBytes(StandardCharsets.UTF_8));
  }

  /// The text of a value that [#of] has found.
  static String text(Expr.Literal constant) {
    Bytes bytes = (Bytes) Objects.requireNonNull(constant.value());
    Optional<SqlType> element = KnownTypes.elementOf(constant.type().oid()).map(SqlType::of);
    if (element.isPresent()) {
      return array(bytes, TypeCodec.of(element.get()));
    }
    String text = new String(bytes.toArray(), StandardCharsets.UTF_8);
    return constant.type().oid() == JSONB ? text.substring(JSONB_VERSION.length()) : text;
  }

  private static String array(Bytes array, TypeCodec codec) {
    List<ArrayElements.Dimension> dimensions = ArrayElements.dimensions(array);
    StringBuilder text = new StringBuilder();
    if (dimensions.stream().anyMatch(dimension -> dimension.lowerBound() != 1)) {
      for (ArrayElements.Dimension dimension : dimensions) {
        int lower = dimension.lowerBound();
        text.append("[%d:%d]".formatted(lower, lower + dimension.length() - 1));
      }
      text.append('=');
    }
    if (dimensions.isEmpty()) {
      return "{}";
    }
    append(text, dimensions, ArrayElements.of(array, codec).iterator(), codec);
    return text.toString();
  }

  private static void append(
      StringBuilder text,
      List<ArrayElements.Dimension> dimensions,
      Iterator<@Nullable Object> elements,
      TypeCodec codec) {
    text.append('{');
    for (int i = 0; i < dimensions.getFirst().length(); i++) {
      text.append(i == 0 ? "" : ",");
      if (dimensions.size() > 1) {
        append(text, dimensions.subList(1, dimensions.size()), elements, codec);
      } else {
        Object value = elements.next();
        text.append(
            value == null
                ? "NULL"
                : '"' + codec.toText(value).replace("\\", "\\\\").replace("\"", "\\\"") + '"');
      }
    }
    text.append('}');
  }

  private static String time(long micros) {
    return String.format(
        java.util.Locale.ROOT,
        "%02d:%02d:%02d.%06d",
        micros / 3_600_000_000L,
        micros / 60_000_000 % 60,
        micros / 1_000_000 % 60,
        micros % 1_000_000);
  }
}
