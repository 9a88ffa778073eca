package io.pgtrickle.dvm.sql;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.Expr;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.WindowCall.Bound;
import io.pgtrickle.dvm.plan.WindowCall.Exclusion;
import io.pgtrickle.dvm.plan.WindowCall.Frame;
import io.pgtrickle.dvm.plan.WindowCall.Mode;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.PgInterval;
import io.pgtrickle.dvm.type.PgNumeric;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeKind;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads the frame of a WINDOWCLAUSE node.
final class WindowFrameBinder {
  // FRAMEOPTION_… of PostgreSQL's parsenodes.h.
  private static final int NONDEFAULT = 0x1;
  private static final int RANGE = 0x2;
  private static final int ROWS = 0x4;
  private static final int GROUPS = 0x8;
  private static final int BETWEEN = 0x10;
  private static final int START_UNBOUNDED_PRECEDING = 0x20;
  private static final int END_UNBOUNDED_FOLLOWING = 0x100;
  private static final int START_CURRENT_ROW = 0x200;
  private static final int END_CURRENT_ROW = 0x400;
  private static final int START_OFFSET_PRECEDING = 0x800;
  private static final int END_OFFSET_PRECEDING = 0x1000;
  private static final int START_OFFSET_FOLLOWING = 0x2000;
  private static final int END_OFFSET_FOLLOWING = 0x4000;
  private static final int EXCLUDE_CURRENT_ROW = 0x8000;
  private static final int EXCLUDE_GROUP = 0x10000;
  private static final int EXCLUDE_TIES = 0x20000;

  private static final int MODE = RANGE | ROWS | GROUPS;
  private static final int START =
      START_UNBOUNDED_PRECEDING
          | START_CURRENT_ROW
          | START_OFFSET_PRECEDING
          | START_OFFSET_FOLLOWING;
  private static final int END =
      END_UNBOUNDED_FOLLOWING | END_CURRENT_ROW | END_OFFSET_PRECEDING | END_OFFSET_FOLLOWING;
  private static final int EXCLUSION = EXCLUDE_CURRENT_ROW | EXCLUDE_GROUP | EXCLUDE_TIES;
  private static final int KNOWN = NONDEFAULT | BETWEEN | MODE | START | END | EXCLUSION;

  private static final PgInterval NO_TIME = new PgInterval(0, 0, 0);

  private static final Set<String> NUMBERS =
      Set.of("int2", "int4", "int8", "numeric", "float4", "float8");

  private final List<Plan.SortKey> order;
  private final ExpressionBinder constants;
  private final Facts facts;

  private WindowFrameBinder(List<Plan.SortKey> order, ExpressionBinder constants, Facts facts) {
    this.order = order;
    this.constants = constants;
    this.facts = facts;
  }

  static Frame bind(
      NodeForm clause, List<Plan.SortKey> order, ExpressionBinder constants, Facts facts) {
    return new WindowFrameBinder(order, constants, facts).frame(clause);
  }

  private Frame frame(NodeForm form) {
    int options = form.integer("frameOptions");
    if ((options & ~KNOWN) != 0) {
      throw NodeForm.notUnderstood("a frame of another kind");
    }
    Mode mode =
        switch (options & MODE) {
          case RANGE -> Mode.RANGE;
          case ROWS -> Mode.ROWS;
          case GROUPS -> Mode.GROUPS;
          default -> throw NodeForm.notUnderstood("a frame of another kind");
        };
    @Nullable Expr startOffset = offset(form, "startOffset", mode);
    @Nullable Expr endOffset = offset(form, "endOffset", mode);
    boolean startsByDistance = isDistance(form, "startInRangeFunc");
    boolean endsByDistance = isDistance(form, "endInRangeFunc");
    form.oid("inRangeColl");
    // These repeat what the order says, where it matters.
    boolean byDistance = startsByDistance || endsByDistance;
    if (form.flag("inRangeAsc") != (byDistance && !order.getFirst().descending())
        || form.flag("inRangeNullsFirst") != (byDistance && order.getFirst().nullsFirst())) {
      throw NodeForm.notUnderstood("a distance in another order");
    }
    if (form.has("runCondition")) {
      form.neutral("runCondition");
    }
    Bound start =
        switch (options & START) {
          case START_UNBOUNDED_PRECEDING -> new Bound.UnboundedPreceding();
          case START_CURRENT_ROW -> new Bound.CurrentRow();
          case START_OFFSET_PRECEDING -> new Bound.Preceding(present(startOffset));
          case START_OFFSET_FOLLOWING -> new Bound.Following(present(startOffset));
          default -> throw NodeForm.notUnderstood("a frame with another start");
        };
    Bound end =
        switch (options & END) {
          case END_UNBOUNDED_FOLLOWING -> new Bound.UnboundedFollowing();
          case END_CURRENT_ROW -> new Bound.CurrentRow();
          case END_OFFSET_PRECEDING -> new Bound.Preceding(present(endOffset));
          case END_OFFSET_FOLLOWING -> new Bound.Following(present(endOffset));
          default -> throw NodeForm.notUnderstood("a frame with another end");
        };
    Exclusion exclusion =
        switch (options & EXCLUSION) {
          case 0 -> Exclusion.NONE;
          case EXCLUDE_CURRENT_ROW -> Exclusion.CURRENT_ROW;
          case EXCLUDE_GROUP -> Exclusion.GROUP;
          case EXCLUDE_TIES -> Exclusion.TIES;
          default -> throw NodeForm.notUnderstood("a frame with several exclusions");
        };
    return new Frame(mode, start, end, exclusion);
  }

  private static Expr present(@Nullable Expr offset) {
    if (offset == null) {
      throw NodeForm.notUnderstood("a frame without its offset");
    }
    return offset;
  }

  private @Nullable Expr offset(NodeForm form, String field, Mode mode) {
    if (form.isAbsent(field)) {
      return null;
    }
    if (mode == Mode.RANGE) {
      SqlType by = order.getFirst().value().type();
      if (!hasDistance(by.kind())) {
        String name = facts.typeName(by.oid()).orElse("this type");
        throw QueryRejected.notYet(
            "unsupported_clause", "RANGE with an offset over a column of type " + name);
      }
    }
    Expr offset = constants.bind(form.node(field));
    if (constant(offset) instanceof PgInterval interval && !interval.isFinite()) {
      throw QueryRejected.notYet("unsupported_clause", mode + " with an infinite offset");
    }
    if (!isNotNegative(constant(offset))) {
      throw QueryRejected.notYet(
          "unsupported_clause", mode + " with an offset that is NULL or negative");
    }
    return offset;
  }

  private static boolean hasDistance(TypeKind kind) {
    return switch (kind) {
      case INT2, INT4, INT8, NUMERIC, FLOAT4, FLOAT8, DATE, TIMESTAMP, TIMESTAMPTZ, INTERVAL ->
          true;
      case BOOL, TEXT, VARCHAR, BPCHAR, UUID, BYTEA, OPAQUE, LABELED -> false;
    };
  }

  private static boolean isNotNegative(@Nullable Object offset) {
    return switch (offset) {
      case null -> false;
      case Long number -> number >= 0;
      case PgNumeric number -> !number.isNaN() && number.signum() >= 0;
      case Double number -> number >= 0;
      case PgInterval interval -> interval.compareTo(NO_TIME) >= 0;
      default -> false;
    };
  }

  /// A number that is written out, perhaps converted to the type that the frame wants.
  private static @Nullable Object constant(Expr offset) {
    return switch (offset) {
      case Expr.Literal literal -> literal.value();
      case Expr.Call call
          when call.function().schema().equals("pg_catalog")
              && NUMBERS.contains(call.function().name())
              && call.arguments().size() == 1 ->
          converted(constant(call.arguments().getFirst()), call.type().kind());
      default ->
          throw QueryRejected.notYet(
              "unsupported_clause", "a frame with an offset that is not a number");
    };
  }

  private static @Nullable Object converted(@Nullable Object number, TypeKind kind) {
    try {
      return switch (number) {
        case Long integer when kind.isInteger() -> integer;
        case Long integer when kind == TypeKind.NUMERIC -> PgNumeric.of(integer);
        case Long integer when kind == TypeKind.FLOAT8 -> (double) integer;
        case PgNumeric numeric when kind == TypeKind.INT8 -> numeric.toInt8();
        case PgNumeric numeric when kind == TypeKind.FLOAT8 -> numeric.toFloat8();
        case PgNumeric numeric when kind == TypeKind.NUMERIC -> numeric;
        case null -> null;
        default ->
            throw QueryRejected.notYet(
                "unsupported_clause", "a frame with an offset of another type");
      };
    } catch (EvaluationFailure failure) {
      throw QueryRejected.notYet(
          "unsupported_clause", "a frame with an offset that is " + failure.text());
    }
  }

  private boolean isDistance(NodeForm form, String field) {
    int function = form.oid(field);
    boolean known =
        facts
            .function(function)
            .filter(each -> each.schema().equals("pg_catalog") && each.name().equals("in_range"))
            .isPresent();
    if (function != 0 && !known) {
      throw NodeForm.notUnderstood("a frame with a distance of its own");
    }
    return known;
  }
}
