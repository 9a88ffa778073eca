package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.sql.NodeTree.Datum;
import io.pgtrickle.dvm.type.ArrayTypes;
import io.pgtrickle.dvm.type.ArrayValue;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

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
    Optional<SqlType> element = ArrayTypes.elementOf(type.oid()).map(SqlType::of);
    if (element.isPresent()) {
      return Optional.of(DatumImage.array(datum, element.get()).toBytes(element.get()));
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
    Optional<SqlType> element = ArrayTypes.elementOf(constant.type().oid()).map(SqlType::of);
    if (element.isPresent()) {
      TypeCodec codec = TypeCodec.of(element.get());
      return ArrayValue.read(bytes, codec).toText(codec);
    }
    String text = new String(bytes.toArray(), StandardCharsets.UTF_8);
    return constant.type().oid() == JSONB ? text.substring(JSONB_VERSION.length()) : text;
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
