package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.server.Answer;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.server.Server;
import io.pgtrickle.dvm.state.Capture;
import io.pgtrickle.dvm.state.OrderedDictionary;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.Storage;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.Labeled;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// A server that also answers inquiries for labels, from a dictionary of each order; the server
/// proper is asked for the ranks of values that are new. What else is asked goes on to it.
///
/// All dataflows whose state comes together have the same labels. State that was saved is worth
/// nothing without the labels in it, so these are saved with it, and come back before it.
///
/// Safe for use by several threads.
public final class Labels implements Server, AutoCloseable {
  private static final Schema RANK = Schema.of(new Column("rank", SqlType.INT8));

  private final Server server;
  private final Storage storage;
  private final Map<Inquiry, OrderedDictionary> dictionaries = new HashMap<>();

  /// Empty dictionaries in some storage.
  public Labels(Server server, Storage storage) {
    this.server = server;
    this.storage = storage;
  }

  @Override
  public List<Answer> ask(Inquiry inquiry, List<Row> arguments) {
    return inquiry.form() == Inquiry.Form.LABEL
        ? label(inquiry, arguments)
        : server.ask(inquiry, arguments);
  }

  /// Rows that are there have had their labels since they came.
  @Override
  public Optional<Answer> recall(Inquiry inquiry, Row arguments) {
    return inquiry.form() == Inquiry.Form.LABEL
        ? Optional.of(label(inquiry, List.of(arguments)).getFirst())
        : server.recall(inquiry, arguments);
  }

  private List<Answer> label(Inquiry inquiry, List<Row> arguments) {
    Schema schema = inquiry.arguments();
    SqlType type = schema.column(0).type();
    List<Bytes> values = new ArrayList<>();
    for (Row row : arguments) {
      Object value = schema.value(row, 0);
      if (value != null) {
        values.add(Labeled.payload(type, value));
      }
    }
    Map<Bytes, Bytes> labels =
        dictionary(inquiry).labels(values, sorted -> ranks(inquiry, schema, sorted));
    List<Answer> answers = new ArrayList<>();
    for (Row row : arguments) {
      Object value = schema.value(row, 0);
      Labeled answer = null;
      if (value != null) {
        Bytes payload = Labeled.payload(type, value);
        answer = new Labeled(Objects.requireNonNull(labels.get(payload)), payload);
      }
      answers.add(new Answer.Rows(List.of(inquiry.answer().pack(answer))));
    }
    return answers;
  }

  private OrderedDictionary dictionary(Inquiry inquiry) {
    synchronized (dictionaries) {
      return dictionaries.computeIfAbsent(inquiry, _ -> new OrderedDictionary(storage));
    }
  }

  private int[] ranks(Inquiry inquiry, Schema schema, List<Bytes> values) {
    TypeCodec codec = schema.codec(0);
    List<Row> tuples =
        values.stream()
            .map(value -> schema.pack(codec.readPayload(value.toArray(), 0, value.size())))
            .toList();
    Inquiry ranking =
        new Inquiry(
            Inquiry.Form.RANK, inquiry.sql(), inquiry.parameters(), RANK, inquiry.context());
    return server.ask(ranking, tuples).stream().mapToInt(answer -> rank(answer, inquiry)).toArray();
  }

  private static int rank(Answer answer, Inquiry inquiry) {
    return switch (answer) {
      case Answer.Rows(List<Row> rows) ->
          Math.toIntExact((Long) Objects.requireNonNull(RANK.value(rows.getFirst(), 0)));
      case Answer.Failed(String state, String message) ->
          throw new IllegalStateException(
              "values cannot be sorted by %s: %s %s".formatted(inquiry.sql(), state, message));
    };
  }

  /// The inquiries for labels in a plan.
  public static Set<Inquiry> inquiries(Plan plan) {
    Set<Inquiry> found = new HashSet<>();
    if (plan instanceof Plan.Ask ask) {
      for (Plan.Asked asked : ask.inquiries()) {
        if (asked.inquiry().form() == Inquiry.Form.LABEL) {
          found.add(asked.inquiry());
        }
      }
    }
    plan.inputs().forEach(input -> found.addAll(inquiries(input)));
    return found;
  }

  /// How many values have labels.
  public long size() {
    synchronized (dictionaries) {
      return dictionaries.values().stream().mapToLong(OrderedDictionary::size).sum();
    }
  }

  /// The bytes that labels and their values take.
  public long bytes() {
    synchronized (dictionaries) {
      return dictionaries.values().stream().mapToLong(OrderedDictionary::bytes).sum();
    }
  }

  /// Puts all labels into a checkpoint, which must be those of the state in it: after the state, or
  /// before anything else is asked.
  public void save(Capture capture) {
    synchronized (dictionaries) {
      dictionaries.forEach((inquiry, labels) -> labels.save(capture, name(inquiry)));
    }
  }

  private static String name(Inquiry inquiry) {
    return "labels/" + Identity.of(inquiry);
  }

  /// Takes the saved labels back that some inquiries are answered from.
  ///
  /// @return the inquiries without: they were not saved, or what was is damaged
  public Set<Inquiry> restore(Saved saved, Set<Inquiry> inquiries) {
    Set<Inquiry> missing = new HashSet<>();
    synchronized (dictionaries) {
      for (Inquiry inquiry : inquiries) {
        try {
          dictionaries.put(inquiry, OrderedDictionary.restore(saved, name(inquiry), storage));
        } catch (StateDamaged e) {
          missing.add(inquiry);
        }
      }
    }
    return missing;
  }

  /// Forgets the labels of some inquiries. State that has some is damaged from now on, and says so
  /// when it is used.
  void forget(Predicate<Inquiry> inquiries) {
    synchronized (dictionaries) {
      dictionaries.forEach(
          (inquiry, labels) -> {
            if (inquiries.test(inquiry)) {
              labels.close();
            }
          });
    }
  }

  /// Whether state that has labels of some inquiries can be used.
  boolean areUsable(Set<Inquiry> inquiries) {
    synchronized (dictionaries) {
      return inquiries.stream()
          .map(dictionaries::get)
          .noneMatch(labels -> labels != null && labels.isClosed());
    }
  }

  /// Begins anew for inquiries whose labels cannot be used; when no state has any that is used.
  void renew(Set<Inquiry> inquiries) {
    synchronized (dictionaries) {
      dictionaries
          .entrySet()
          .removeIf(each -> inquiries.contains(each.getKey()) && each.getValue().isClosed());
    }
  }

  /// Forgets all labels; no state that has some is used afterwards.
  @Override
  public void close() {
    synchronized (dictionaries) {
      dictionaries.values().forEach(OrderedDictionary::close);
      dictionaries.clear();
    }
  }
}
