package io.pgtrickle.engine.cli;

import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.ConfigurationInvalid;
import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import java.util.LinkedHashMap;
import java.util.Map;

/// What the process tells its caller at the end; the numbers are those of `sysexits.h`.
final class ExitCode {
  static final int OK = 0;
  static final int NOT_READY = 1;
  static final int USAGE = 64;
  static final int DATA = 65;
  static final int UNAVAILABLE = 69;
  static final int SOFTWARE = 70;
  static final int IO = 74;
  static final int CONFIGURATION = 78;

  private ExitCode() {}

  /// Who must act decides the code.
  static int of(TrickleException failure) {
    return switch (failure) {
      case QueryRejected _, StateDamaged _ -> DATA;
      case SourceUnavailable _, AnswersUnavailable _ -> UNAVAILABLE;
      case StorageUnavailable _ -> IO;
      case ConfigurationInvalid _ -> CONFIGURATION;
    };
  }

  /// For `--help`.
  static Map<String, String> descriptions() {
    Map<String, String> descriptions = new LinkedHashMap<>();
    descriptions.put(Integer.toString(OK), "Done, or stopped on request.");
    descriptions.put(
        Integer.toString(NOT_READY), "status, doctor: something is not as it should be.");
    descriptions.put(Integer.toString(USAGE), "The command line is not understood.");
    descriptions.put(Integer.toString(DATA), "A definition or stored state is not usable.");
    descriptions.put(
        Integer.toString(UNAVAILABLE), "The database, a download or a Java is not there.");
    descriptions.put(Integer.toString(SOFTWARE), "A bug of pgtrickle.");
    descriptions.put(Integer.toString(IO), "State cannot be written to disk.");
    descriptions.put(Integer.toString(CONFIGURATION), "A setting is wrong or missing.");
    return descriptions;
  }
}
