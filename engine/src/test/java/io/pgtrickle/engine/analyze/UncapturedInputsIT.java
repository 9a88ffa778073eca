package io.pgtrickle.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;

import java.sql.SQLException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Which queries have rows that may change although no captured relation does.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class UncapturedInputsIT {
  private Lab lab;

  @BeforeAll
  void prepare() throws SQLException {
    lab = Lab.inNewDatabase();
    lab.execute(
        """
        CREATE TABLE u (id int PRIMARY KEY, t text, at timestamptz, j jsonb, r regclass, a int[],
          e "char", m money);
        CREATE TABLE elsewhere (v int);
        CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
        CREATE VIEW hours AS SELECT id, current_time AS now FROM u;
        CREATE VIEW plain AS SELECT id, t FROM u;
        CREATE FUNCTION peek(int) RETURNS bigint STABLE LANGUAGE sql
          RETURN (SELECT count(*) FROM elsewhere WHERE v = $1);
        CREATE FUNCTION twice(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN $1 * 2;
        CREATE FUNCTION summed(bigint, int) RETURNS bigint STABLE LANGUAGE sql
          RETURN $1 + peek($2);
        CREATE AGGREGATE peeked(int) (SFUNC = summed, STYPE = bigint, INITCOND = '0');
        CREATE OPERATOR === (LEFTARG = int, RIGHTARG = bigint, FUNCTION = int48eq);
        CREATE FUNCTION same_now(int, int) RETURNS boolean STABLE LANGUAGE sql
          RETURN $1 = $2 + peek($2);
        CREATE OPERATOR =@= (LEFTARG = int, RIGHTARG = int, FUNCTION = same_now);
        """);
  }

  @AfterAll
  void end() throws SQLException {
    lab.close();
  }

  private boolean exist(String query) throws SQLException {
    return lab.analyzer().readsUncaptured(lab.document(query));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT id, now() AS v FROM u",
        "SELECT id FROM u WHERE at > current_timestamp",
        "SELECT id, current_date AS v FROM u",
        "SELECT id, localtime AS v FROM u",
        "SELECT id, age(at) AS v FROM u",
        "SELECT id, clock_timestamp() AS v FROM u",
        "SELECT id, random() AS v FROM u",
        "SELECT id, gen_random_uuid() AS v FROM u",
        "SELECT id, t::date AS v FROM u",
        "SELECT id, t::timestamptz AS v FROM u",
        "SELECT id, (t::text[])::timestamp[] AS v FROM u",
        "SELECT id, peek(id) AS v FROM u",
        "SELECT peeked(id) AS v FROM u",
        "SELECT peeked(id) OVER (ORDER BY id) AS v FROM u",
        "SELECT id FROM u WHERE id =@= 3",
        "SELECT id FROM u WHERE EXISTS (SELECT FROM elsewhere WHERE v = peek(u.id))",
        "WITH w AS (SELECT id, random() AS v FROM u) SELECT * FROM w",
        "SELECT id, now FROM hours",
        "SELECT u.id, x.* FROM u, generate_series(1, peek(u.id)) x",
        "SELECT id FROM u TABLESAMPLE SYSTEM (10)",
        "SELECT id FROM unlogged LIMIT 3",
        "SELECT id, r::text AS v FROM u",
        "SELECT id, pg_relation_size(r) AS v FROM u",
        "SELECT id, current_setting('work_mem') AS v FROM u",
        "SELECT id, x.d FROM u, jsonb_to_record(j) AS x(d date)",
        "SELECT id, x.d FROM u, XMLTABLE('/a' PASSING XMLPARSE(DOCUMENT t) COLUMNS d date PATH 'b')"
            + " x"
      })
  void thereAre(String query) throws SQLException {
    assertThat(exist(query)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT id FROM u LIMIT 3",
        "SELECT * FROM plain",
        "SELECT id, t || 'x' AS v, upper(t) AS w, at::text AS x, date_trunc('day', at) AS y FROM u",
        "SELECT id, to_char(at, 'YYYY') AS v, extract(hour FROM at) AS w, at::date AS x FROM u",
        "SELECT id, age(at, at - interval '1 day') AS v, id::text AS w, (id > 3)::text AS x FROM u",
        "SELECT id, t::int AS v, t::numeric AS w, t::jsonb AS x, t::uuid AS y, j::text AS z FROM u",
        "SELECT id, rank() OVER (ORDER BY t) AS r, sum(id) OVER () AS s FROM u",
        "SELECT t, count(*) AS n, jsonb_agg(id) AS j, string_agg(t, ',') AS s FROM u GROUP BY t",
        "SELECT id, twice(id) AS v FROM u WHERE id === 3",
        "SELECT id, a::text AS v, t::int[] AS w, to_jsonb(u) AS j FROM u",
        "SELECT id, x.n FROM u, jsonb_to_record(j) AS x(n int)",
        "SELECT id, x FROM u, jsonb_array_elements(j) x WHERE (id, t) < (3, 'a')",
        "SELECT id FROM u WHERE id IN (1, 2) AND at < '2024-01-01' ORDER BY t, id LIMIT 1",
        "SELECT id FROM u EXCEPT SELECT v FROM elsewhere"
      })
  void thereAreNone(String query) throws SQLException {
    assertThat(exist(query)).isFalse();
  }

  @Test
  void whatCannotBeReadMayReadAnything() throws SQLException {
    String text = lab.documentText("SELECT id FROM u");
    assertThat(lab.analyzer().readsUncaptured(QueryDocument.parse(text))).isFalse();
    QueryDocument cut = QueryDocument.parse(text.replace("({QUERY ", "({"));
    assertThat(lab.analyzer().readsUncaptured(cut)).isTrue();
  }
}
