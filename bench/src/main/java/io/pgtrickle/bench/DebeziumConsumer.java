package io.pgtrickle.bench;

import io.debezium.embedded.Connect;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.RecordChangeEvent;
import io.debezium.engine.format.ChangeEventFormat;
import io.pgtrickle.engine.DatabaseUrl;
import java.io.IOException;
import java.sql.SQLException;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.kafka.connect.source.SourceRecord;
import org.jspecify.annotations.Nullable;

/// Debezium's embedded engine, in the form that costs it least: records are not made into JSON,
/// offsets stay in memory, and it asks for changes every 5 ms and not twice a second.
///
/// The clock starts when its task has started, so connecting is in this figure no more than in the
/// others.
final class DebeziumConsumer implements Consumer {
  @Override
  public String name() {
    return "Debezium, embedded";
  }

  @Override
  public Reading read(Rig rig, String slot, long rows)
      throws SQLException, IOException, InterruptedException {
    CompletableFuture<Stopwatch> started = new CompletableFuture<>();
    CompletableFuture<Reading> finished = new CompletableFuture<>();
    CountDownLatch ended = new CountDownLatch(1);
    DebeziumEngine<RecordChangeEvent<SourceRecord>> engine =
        DebeziumEngine.create(ChangeEventFormat.of(Connect.class))
            .using(properties(rig.url(), slot))
            .using(
                new DebeziumEngine.ConnectorCallback() {
                  @Override
                  public void taskStarted() {
                    started.complete(Stopwatch.start());
                  }
                })
            .using(
                (boolean success, String message, @Nullable Throwable error) -> {
                  finished.completeExceptionally(new IllegalStateException(message, error));
                  ended.countDown();
                })
            .notifying(new Counting(rig, slot, rows, started, finished))
            .build();
    try (ExecutorService thread = Executors.newSingleThreadExecutor()) {
      thread.execute(engine);
      try {
        return finished.get();
      } catch (ExecutionException e) {
        throw new IllegalStateException("Debezium does not read the log", e.getCause());
      } finally {
        engine.close();
        ended.await();
      }
    }
  }

  private static final class Counting
      implements DebeziumEngine.ChangeConsumer<RecordChangeEvent<SourceRecord>> {
    private final Rig rig;
    private final String slot;
    private final long rows;
    private final CompletableFuture<Stopwatch> started;
    private final CompletableFuture<Reading> finished;
    private long seen;

    Counting(
        Rig rig,
        String slot,
        long rows,
        CompletableFuture<Stopwatch> started,
        CompletableFuture<Reading> finished) {
      this.rig = rig;
      this.slot = slot;
      this.rows = rows;
      this.started = started;
      this.finished = finished;
    }

    @Override
    public void handleBatch(
        List<RecordChangeEvent<SourceRecord>> records,
        DebeziumEngine.RecordCommitter<RecordChangeEvent<SourceRecord>> committer)
        throws InterruptedException {
      seen += records.size();
      if (seen >= rows && !finished.isDone()) {
        try {
          finished.complete(started.join().stop(rig, slot));
        } catch (SQLException | IOException e) {
          finished.completeExceptionally(e);
        }
      }
      committer.markProcessed(records.getLast());
      committer.markBatchFinished();
    }
  }

  private static Properties properties(DatabaseUrl url, String slot) {
    String[] address = url.jdbcUrl().split("[:/?]+", -1);
    Properties properties = new Properties();
    properties.put("name", "bench");
    properties.put("topic.prefix", "bench");
    properties.put("connector.class", "io.debezium.connector.postgresql.PostgresConnector");
    properties.put("offset.storage", "org.apache.kafka.connect.storage.MemoryOffsetBackingStore");
    properties.put("database.hostname", address[2]);
    properties.put("database.port", address[3]);
    properties.put("database.dbname", address[4]);
    properties.put("database.user", url.properties().getProperty("user"));
    properties.put("database.password", url.properties().getProperty("password", ""));
    properties.put("plugin.name", "pgoutput");
    properties.put("publication.name", Backlog.PUBLICATION);
    properties.put("publication.autocreate.mode", "disabled");
    properties.put("slot.name", slot);
    properties.put("snapshot.mode", "no_data");
    properties.put("advanced.metrics.enable", "false");
    properties.put("statistics.metrics.enabled", "false");
    properties.put("poll.interval.ms", "5");
    properties.put("max.batch.size", "8192");
    properties.put("max.queue.size", "32768");
    return properties;
  }
}
