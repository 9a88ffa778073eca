package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Expr.And;
import io.pgtrickle.dvm.expr.Expr.Answered;
import io.pgtrickle.dvm.expr.Expr.Call;
import io.pgtrickle.dvm.expr.Expr.Case;
import io.pgtrickle.dvm.expr.Expr.Clock;
import io.pgtrickle.dvm.expr.Expr.Coalesce;
import io.pgtrickle.dvm.expr.Expr.Column;
import io.pgtrickle.dvm.expr.Expr.Extreme;
import io.pgtrickle.dvm.expr.Expr.Image;
import io.pgtrickle.dvm.expr.Expr.IsDistinct;
import io.pgtrickle.dvm.expr.Expr.IsNull;
import io.pgtrickle.dvm.expr.Expr.IsTruth;
import io.pgtrickle.dvm.expr.Expr.Literal;
import io.pgtrickle.dvm.expr.Expr.Not;
import io.pgtrickle.dvm.expr.Expr.NullIf;
import io.pgtrickle.dvm.expr.Expr.Or;
import io.pgtrickle.dvm.expr.Expr.Outer;
import io.pgtrickle.dvm.expr.Expr.Quantified;
import io.pgtrickle.dvm.expr.Expr.Relabel;
import io.pgtrickle.dvm.expr.Expr.Row;
import io.pgtrickle.dvm.expr.Expr.Single;
import io.pgtrickle.dvm.expr.Expr.TextCast;
import io.pgtrickle.dvm.expr.Expr.Timeless;
import io.pgtrickle.dvm.expr.Expr.Unlabeled;
import io.pgtrickle.dvm.expr.Expr.Verbatim;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.List;
import java.util.Optional;

/// Decides for one node whether the engine can evaluate it exactly. The decision is static:
/// evaluation never
/// turns to the server for a single row.
final class Nativeness {
  private Nativeness() {}

  /// Why the node itself, its operands aside, cannot be native; empty when it can.
  static Optional<String> refusal(Expr node, EvaluationSettings settings) {
    return switch (node) {
      case Call call -> ofCall(call, settings);
      case IsDistinct(Call equality) -> ofCall(equality, settings);
      case NullIf(Call equality, _) -> ofCall(equality, settings);
      case Quantified quantified ->
          ofFunction(
              quantified.comparison(), new Binding(settings, quantified.collation(), List.of()));
      case Extreme extreme -> ofExtreme(extreme, settings);
      case Relabel(Expr input, SqlType type) ->
          representation(input.type().kind()) == representation(type.kind())
                  || (type.isTrail() && input.type().kind() == TypeKind.BYTEA)
              ? Optional.empty()
              : Optional.of(cast(input.type(), type));
      case TextCast(Expr input, SqlType type) ->
          TextInput.isExact(type.kind()) && (input.type().kind().isText() || type.kind().isText())
              ? printing(input.type(), settings)
              : Optional.of(cast(input.type(), type));
      case Verbatim verbatim -> ofVerbatim(verbatim, settings);
      case Row _ -> Optional.of("a row as a value");
      case Clock clock ->
          clock.type().kind() == TypeKind.TIMESTAMPTZ || settings.zone().isPresent()
              ? Optional.empty()
              : Optional.of(clock.reading() + " under time zone " + settings.timeZone());
      case Column _,
          Literal _,
          And _,
          Or _,
          Not _,
          IsNull _,
          IsTruth _,
          Coalesce _,
          Case _,
          Image _,
          Outer _,
          Single _,
          Answered _,
          Unlabeled _,
          Timeless _ ->
          Optional.empty();
    };
  }

  private static Optional<String> ofCall(Call call, EvaluationSettings settings) {
    Optional<String> refusal =
        ofFunction(call.function(), new Binding(settings, call.collation(), call.arguments()));
    if (refusal.isPresent()) {
      return refusal;
    }
    List<Integer> declared = call.function().arguments();
    for (int i = 0; i < call.arguments().size(); i++) {
      // A variadic "any" is the last declared argument and stands for all that follow.
      int oid = declared.get(Math.min(i, declared.size() - 1));
      if (oid == TypeNames.ANY || oid == TypeNames.ANY_NON_ARRAY) {
        refusal = printing(call.arguments().get(i).type(), settings);
        if (refusal.isPresent()) {
          return refusal;
        }
      }
    }
    return Optional.empty();
  }

  private static Optional<String> ofVerbatim(Verbatim verbatim, EvaluationSettings settings) {
    List<Expr> operands = verbatim.operands();
    boolean known =
        switch (verbatim.meaning()) {
          case ArrayOperation.Constructed(SqlType element, var _) ->
              element.kind() != TypeKind.OPAQUE;
          case ArrayOperation.Subscripted() -> isOfNativeElements(operands.getFirst());
          case ArrayOperation.Compared _ -> isOfNativeElements(operands.getLast());
          case ArrayOperation.Converted(SqlType from, Expr conversion) ->
              from.kind() != TypeKind.OPAQUE
                  && conversion.type().kind() != TypeKind.OPAQUE
                  && FunctionLibrary.isNative(conversion, settings);
          case Expr.Paraphrase _ -> false;
          case null -> false;
        };
    if (!known) {
      return Optional.of("expression " + String.join("…", verbatim.pieces()).strip());
    }
    return verbatim.meaning() instanceof ArrayOperation.Compared(var function, int collation, var _)
        ? ofFunction(function, new Binding(settings, collation, List.of()))
        : Optional.empty();
  }

  private static boolean isOfNativeElements(Expr array) {
    return ArrayOperations.elementOf(array.type()).isPresent();
  }

  private static Optional<String> ofFunction(Signature function, Binding binding) {
    return FunctionLibrary.find(function)
        .map(found -> found.refusal(binding))
        .orElseGet(
            () ->
                Optional.of(
                    "function "
                        + TypeNames.signature(
                            function.schema(), function.name(), function.arguments())));
  }

  private static Optional<String> ofExtreme(Extreme extreme, EvaluationSettings settings) {
    SqlType type = extreme.type();
    String name = extreme.greatest() ? "GREATEST" : "LEAST";
    if (type.kind() == TypeKind.OPAQUE) {
      return Optional.of(name + " of type " + TypeNames.name(type.oid()));
    }
    return type.kind().isText()
            && !(settings.utf8() && settings.collation(type.collation()).byteOrder())
        ? Optional.of(name + " under a collation that does not order by bytes")
        : Optional.empty();
  }

  static Optional<String> printing(SqlType type, EvaluationSettings settings) {
    boolean printable =
        switch (type.kind()) {
          case BOOL, INT2, INT4, INT8, NUMERIC, TEXT, VARCHAR, BPCHAR, UUID -> true;
          case FLOAT4, FLOAT8 -> settings.exactFloats();
          case BYTEA -> settings.hexBytes();
          case DATE, TIMESTAMP -> settings.isoDates();
          case TIMESTAMPTZ -> settings.isoDates() && settings.zone().isPresent();
          case INTERVAL -> settings.postgresIntervals();
          case OPAQUE, LABELED -> false;
        };
    return printable
        ? Optional.empty()
        : Optional.of("output of type " + TypeNames.name(type.oid()));
  }

  /// Kinds of one representative have the same Java value.
  private static TypeKind representation(TypeKind kind) {
    return switch (kind) {
      case TEXT, VARCHAR, BPCHAR -> TypeKind.TEXT;
      case BOOL,
          INT2,
          INT4,
          INT8,
          NUMERIC,
          FLOAT4,
          FLOAT8,
          DATE,
          TIMESTAMP,
          TIMESTAMPTZ,
          INTERVAL,
          UUID,
          BYTEA,
          OPAQUE,
          LABELED ->
          kind;
    };
  }

  private static String cast(SqlType from, SqlType to) {
    return "cast from " + TypeNames.name(from.oid()) + " to " + TypeNames.name(to.oid());
  }
}
