package io.pgtrickle.engine.cli;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.FileAppender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.encoder.Encoder;
import io.pgtrickle.engine.cli.Parameter.LogFormat;
import io.pgtrickle.engine.cli.Parameter.LogLevel;
import java.nio.file.Path;
import java.util.List;
import net.logstash.logback.encoder.LogstashEncoder;
import org.slf4j.LoggerFactory;

/// Sends the log to standard error, one readable line or one JSON object per event; standard output
/// belongs to what the commands print.
final class Logging {
  private static final String PATTERN = "%d{HH:mm:ss.SSS} %-5level %logger{0} - %msg%n";

  /// Libraries that announce every start and stop of theirs.
  private static final List<String> TALKATIVE =
      List.of("io.zonky", "com.zaxxer", "org.postgresql", "io.micrometer");

  private Logging() {}

  static void configure(LogFormat format, LogLevel level) {
    ConsoleAppender<ILoggingEvent> console = new ConsoleAppender<>();
    console.setTarget("System.err");
    attach(console, format, level);
  }

  /// For a command that has the terminal to itself.
  static void configure(LogFormat format, LogLevel level, Path file) {
    FileAppender<ILoggingEvent> appender = new FileAppender<>();
    appender.setFile(file.toString());
    appender.setAppend(false);
    attach(appender, format, level);
  }

  private static void attach(
      OutputStreamAppender<ILoggingEvent> appender, LogFormat format, LogLevel level) {
    LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    appender.setContext(context);
    appender.setEncoder(encoder(format, context));
    appender.start();

    Logger root = context.getLogger(org.slf4j.Logger.ROOT_LOGGER_NAME);
    root.setLevel(Level.toLevel(level.name()));
    root.addAppender(appender);
    if (level != LogLevel.DEBUG && level != LogLevel.TRACE) {
      TALKATIVE.forEach(name -> context.getLogger(name).setLevel(Level.WARN));
    }
  }

  private static Encoder<ILoggingEvent> encoder(LogFormat format, LoggerContext context) {
    Encoder<ILoggingEvent> encoder =
        switch (format) {
          case JSON -> new LogstashEncoder();
          case TEXT -> {
            PatternLayoutEncoder pattern = new PatternLayoutEncoder();
            pattern.setPattern(PATTERN);
            yield pattern;
          }
        };
    encoder.setContext(context);
    encoder.start();
    return encoder;
  }
}
