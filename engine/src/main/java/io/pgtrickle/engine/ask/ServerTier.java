package io.pgtrickle.engine.ask;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.engine.ask.Evaluation.Delegated;
import io.pgtrickle.engine.ask.Evaluation.Unanswerable;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.Delegate;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Answers inquiries: from memory where it can, else by asking the server in batches.
///
/// What it remembers is bounded by bytes, and only spares work: an answer that was forgotten is
/// asked for again, and is the same.
///
/// Safe for use by several threads; each asks in a session of its own.
public final class ServerTier implements Server, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ServerTier.class);
  private static final long MEMORY = 32L << 20;
  private static final int OVERHEAD = 120;
  private static final int LARGEST_REMEMBERED = 64 << 10;
  private static final int BATCH_ROWS = 10_000;
  private static final long BATCH_BYTES = 4L << 20;

  private final Sessions sessions;
  private final Supplier<? extends Collection<Definition>> definitions;
  private final String sidecarRole;
  private final ConcurrentLinkedDeque<Evaluation> idle = new ConcurrentLinkedDeque<>();
  // Numbers stand for inquiries, which are large.
  private final Map<Inquiry, Integer> numbers = new ConcurrentHashMap<>();
  private final AtomicInteger nextNumber = new AtomicInteger();
  private final Cache<Key, Answer> memory =
      Caffeine.newBuilder()
          .maximumWeight(MEMORY)
          .weigher((Key key, Answer answer) -> key.tuple().bytes().length + OVERHEAD + size(answer))
          .build();

  private record Key(int inquiry, Row tuple) {}

  /// Opens sessions with autocommit off.
  @FunctionalInterface
  public interface Sessions {
    Connection open() throws SQLException;
  }

  /// @param definitions all that are known, which say who owns delegates
  public ServerTier(
      Sessions sessions,
      Supplier<? extends Collection<Definition>> definitions,
      String sidecarRole) {
    this.sessions = sessions;
    this.definitions = definitions;
    this.sidecarRole = sidecarRole;
  }

  @Override
  public List<Answer> ask(Inquiry inquiry, List<Row> arguments) {
    if (inquiry.form() == Inquiry.Form.RANK) {
      // A rank is one among those that are asked about together.
      return evaluate(inquiry, arguments);
    }
    int number = numbers.computeIfAbsent(inquiry, _ -> nextNumber.getAndIncrement());
    @Nullable Answer[] answers = new @Nullable Answer[arguments.size()];
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < answers.length; i++) {
      answers[i] = memory.getIfPresent(new Key(number, arguments.get(i)));
      if (answers[i] == null) {
        places.add(i);
      }
    }
    for (int from = 0; from < places.size(); ) {
      int to = batchEnd(places, from, arguments);
      List<Integer> batch = places.subList(from, to);
      List<Answer> asked = evaluate(inquiry, batch.stream().map(arguments::get).toList());
      for (int i = 0; i < batch.size(); i++) {
        Answer answer = asked.get(i);
        answers[batch.get(i)] = answer;
        if (size(answer) <= LARGEST_REMEMBERED) {
          memory.put(new Key(number, arguments.get(batch.get(i))), answer);
        }
      }
      from = to;
    }
    List<Answer> all = new ArrayList<>(answers.length);
    for (Answer answer : answers) {
      if (answer == null) {
        throw new IllegalStateException("a tuple was not answered");
      }
      all.add(answer);
    }
    return all;
  }

  @Override
  public Optional<Answer> recall(Inquiry inquiry, Row arguments) {
    Integer number = numbers.get(inquiry);
    return number == null
        ? Optional.empty()
        : Optional.ofNullable(memory.getIfPresent(new Key(number, arguments)));
  }

  private static int batchEnd(List<Integer> places, int from, List<Row> arguments) {
    long bytes = 0;
    int to = from;
    while (to < places.size() && to - from < BATCH_ROWS && bytes < BATCH_BYTES) {
      bytes += arguments.get(places.get(to)).bytes().length;
      to++;
    }
    return to;
  }

  private static int size(Answer answer) {
    return switch (answer) {
      case Answer.Failed(String _, String message) -> message.length() * 2;
      case Answer.Rows(List<Row> rows) -> {
        long bytes = 0;
        for (Row row : rows) {
          bytes += row.bytes().length + 32L;
        }
        yield (int) Math.min(bytes, Integer.MAX_VALUE / 2);
      }
    };
  }

  private List<Answer> evaluate(Inquiry inquiry, List<Row> tuples) {
    Optional<Delegated> delegate = delegate(inquiry.context().owner());
    Evaluation evaluation = null;
    try {
      evaluation = idle.pollFirst();
      if (evaluation == null) {
        evaluation = new Evaluation(sessions.open());
      }
      List<Answer> answers = evaluation.ask(inquiry, tuples, delegate);
      idle.addFirst(evaluation);
      return answers;
    } catch (SQLException failure) {
      discard(evaluation);
      // The others may be as old as this one.
      discardIdle();
      LOG.warn("the server could not be asked: {}", failure.getMessage());
      String state = failure.getSQLState();
      throw new AnswersUnavailable(
          state == null ? "08000" : state,
          "the server could not be asked for " + inquiry.sql() + ": " + failure.getMessage(),
          failure);
    } catch (Unanswerable never) {
      discard(evaluation);
      throw new QueryRejected(
          QueryRejected.Kind.INVALID,
          never.sqlState(),
          "server_evaluation_failed",
          inquiry.sql(),
          "the server cannot evaluate " + inquiry.sql() + ": " + never.getMessage());
    }
  }

  // Any function of the owner's that runs what it is told as him will do.
  private Optional<Delegated> delegate(String owner) {
    if (owner.equals(sidecarRole)) {
      return Optional.empty();
    }
    for (Definition definition : definitions.get()) {
      if (definition.owner().equals(owner)) {
        Optional<Delegate> delegate = Delegate.of(definition, sidecarRole);
        if (delegate.isPresent()) {
          TableName function = delegate.get().query();
          return Optional.of(new Delegated(function.sql(), definition.pgtId()));
        }
      }
    }
    throw new QueryRejected(
        QueryRejected.Kind.INVALID,
        "42501",
        "delegate_altered",
        owner,
        "there is no stream table of \"" + owner + "\" through which the sidecar could act as him");
  }

  private static void discard(@Nullable Evaluation evaluation) {
    if (evaluation != null) {
      try {
        evaluation.close();
      } catch (SQLException e) {
        LOG.debug("a session was not closed: {}", e.getMessage());
      }
    }
  }

  private void discardIdle() {
    for (Evaluation each = idle.pollFirst(); each != null; each = idle.pollFirst()) {
      discard(each);
    }
  }

  @Override
  public void close() {
    discardIdle();
  }
}
