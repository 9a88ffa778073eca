package io.pgtrickle.engine;

import io.pgtrickle.dvm.Nesting;
import io.pgtrickle.dvm.TrickleException;
import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.dataflow.ExplainFormat;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.analyze.ExpressionTiers;
import io.pgtrickle.engine.analyze.QueryDocument;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.catalog.RefreshMode;
import io.pgtrickle.engine.catalog.Replies;
import io.pgtrickle.engine.catalog.Request;
import io.pgtrickle.engine.refresh.RefreshLoop;
import java.sql.SQLException;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Answers questions that are not about the stream: what becomes of a query, how a stream table is
/// maintained.
///
/// One thread and one session. Anyone may ask; what is asked while the queue is full goes
/// unanswered, and its
/// caller's timeout says so.
final class Responder {
  private static final Logger LOG = LoggerFactory.getLogger(Responder.class);
  private static final int QUEUED = 1_000;
  private static final long BOUNDARY_SECONDS = 10;

  private final RefreshLoop loop;
  private final Analyzer analyzer;
  private final LastingSession session;
  private final BlockingQueue<Request> requests = new ArrayBlockingQueue<>(QUEUED);
  private final Thread thread = Nesting.thread().name("responder").daemon().unstarted(this::run);

  Responder(RefreshLoop loop, Analyzer analyzer, LastingSession session) {
    this.loop = loop;
    this.analyzer = analyzer;
    this.session = session;
    thread.start();
  }

  /// Takes a question; returns at once.
  void take(Request request) {
    if (!requests.offer(request)) {
      LOG.warn("{} questions wait for an answer; another one is dropped", QUEUED);
    }
  }

  private void run() {
    try {
      while (true) {
        Request request = requests.take();
        try {
          answer(request);
        } catch (SQLException e) {
          LOG.warn("a caller was not answered: {}", e.getMessage());
        }
      }
    } catch (InterruptedException e) {
      LOG.debug("the responder ends");
    }
  }

  private void answer(Request request) throws SQLException, InterruptedException {
    try {
      switch (request) {
        case Request.Analyze analyze -> verdict(analyze.id(), analyze.document(), analyze.mode());
        case Request.Validate validate ->
            verdict(validate.id(), validate.document(), RefreshMode.AUTO);
        case Request.Explain explain -> {
          String text = explain(explain.pgtId(), explain.format());
          session.run(open -> Replies.text(open, explain.id(), text));
        }
        case Request.Sync _, Request.Refresh _ -> {}
      }
    } catch (TrickleException e) {
      error(request.id(), e.sqlState(), String.valueOf(e.getMessage()), null);
    } catch (ExecutionException e) {
      error(request.id(), "XX000", String.valueOf(e.getCause()), null);
    } catch (TimeoutException e) {
      error(request.id(), "57014", "the refresh thread is busy", null);
    } catch (RuntimeException | Error e) {
      // A message can be anybody's. What it makes of us must not end the thread.
      LOG.warn("a question could not be answered", e);
      error(request.id(), "XX000", "the sidecar failed to answer: " + e, null);
    }
  }

  private void verdict(UUID id, String document, RefreshMode mode) throws SQLException {
    QueryDocument query = QueryDocument.parse(document);
    Verdict verdict = analyzer.analyze(query, mode, "");
    Replies.Verdict reply =
        switch (verdict.outcome()) {
          case Verdict.Differential differential ->
              new Replies.Verdict(
                  RefreshMode.DIFFERENTIAL,
                  null,
                  null,
                  verdict.notices(),
                  ExpressionTiers.of(
                          differential.bound(), verdict.settings(), analyzer.facts(query))
                      .stream()
                      .map(Responder::finding)
                      .toList());
          case Verdict.Full full ->
              new Replies.Verdict(
                  RefreshMode.FULL,
                  full.reasonCode(),
                  full.reasonDetail(),
                  verdict.notices(),
                  List.of(
                      new Replies.Finding(
                          full.construct(),
                          full.position(),
                          "full",
                          "WARNING",
                          full.reasonCode(),
                          full.reasonDetail())));
        };
    session.run(open -> Replies.verdict(open, id, reply));
  }

  private static Replies.Finding finding(ExpressionTiers.Placement placement) {
    return new Replies.Finding(
        placement.text(),
        0,
        placement.tier().name().toLowerCase(Locale.ROOT),
        "INFO",
        null,
        placement.refusal().orElse(null));
  }

  private String explain(long id, String format)
      throws InterruptedException, ExecutionException, TimeoutException {
    ExplainFormat form =
        switch (format) {
          case "json" -> ExplainFormat.JSON;
          case "dot" -> ExplainFormat.DOT;
          // Messages can be anybody's; the SQL function lets only the known ones pass.
          default -> ExplainFormat.TEXT;
        };
    CompletableFuture<Optional<String>> text = loop.atBoundary(() -> loop.explain(id, form));
    return text.get(BOUNDARY_SECONDS, TimeUnit.SECONDS)
        .orElseThrow(
            () ->
                new SourceUnavailable(
                    "55000",
                    "the stream table is not live; pgtrickle.pgt_stream_tables says why",
                    null));
  }

  private void error(UUID id, String sqlState, String message, @Nullable String detail)
      throws SQLException {
    Replies.ErrorReport report = new Replies.ErrorReport(sqlState, message, detail, null);
    session.run(open -> Replies.error(open, id, report));
  }

  void close() {
    thread.interrupt();
  }
}
