package io.pgtrickle.dvm.expr;

import java.util.Locale;

/// Which of the numbers in a date such as `01/02/03` is the year, the month and the day: the second
/// half of `DateStyle`.
public enum DateOrder {
  YMD,
  DMY,
  MDY;

  /// The order that a value of `DateStyle` as the server shows it (`ISO, DMY`) ends in.
  public static DateOrder of(String dateStyle) {
    return valueOf(dateStyle.substring(dateStyle.lastIndexOf(' ') + 1).toUpperCase(Locale.ROOT));
  }
}
