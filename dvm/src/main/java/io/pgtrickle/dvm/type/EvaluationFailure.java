package io.pgtrickle.dvm.type;

/// An error that PostgreSQL would raise while evaluating one row, such as a division by zero.
///
/// It is data, not a failure of the process: the operator that evaluates the row turns it into an
/// entry of its error output. So it carries no stack trace and is cheap to throw.
public final class EvaluationFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String sqlState;

  public EvaluationFailure(String sqlState, String message) {
    super(message, null, false, false);
    this.sqlState = sqlState;
  }

  /// The SQLSTATE PostgreSQL would report.
  public String sqlState() {
    return sqlState;
  }

  /// The message PostgreSQL would report, in English.
  public String text() {
    return String.valueOf(getMessage());
  }

  public static EvaluationFailure divisionByZero() {
    return new EvaluationFailure("22012", "division by zero");
  }

  /// A result that does not fit, for example `integer out of range`.
  public static EvaluationFailure outOfRange(String typeName) {
    return new EvaluationFailure("22003", typeName + " out of range");
  }
}
