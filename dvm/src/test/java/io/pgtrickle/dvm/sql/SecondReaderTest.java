package io.pgtrickle.dvm.sql;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.pgtrickle.dvm.sql.SecondReader.Unreadable;
import org.junit.jupiter.api.Test;

final class SecondReaderTest {
  @Test
  void theOutlineCountsWhatATextIsMadeOf() throws Unreadable {
    Outline outline =
        SecondReader.outline(
            """
            SELECT c.region,
               count(*) AS n,
               sum(o.total) FILTER (WHERE (o.state = 'OK'::bpchar)) AS s
              FROM ((public.customers c
                JOIN public.orders o ON ((o.customer = c.id)))
                JOIN ( SELECT DISTINCT "Odd".x FROM s."Odd" UNION SELECT 1) q(x) ON (true))
             GROUP BY c.region, o.state
            HAVING (count(*) > 1)\
            """);
    assertThat(outline.tables()).containsExactly("public.customers", "public.orders", "s.Odd");
    assertThat(outline.selects()).isEqualTo(3);
    assertThat(outline.unions()).containsExactly("UNION");
    assertThat(outline.distincts()).isEqualTo(1);
    assertThat(outline.groups()).containsExactly(2);
    assertThat(outline.aggregates()).isEqualTo(3);
  }

  @Test
  void windowFunctionsAreCountedWhereverTheirWindowIsDefined() throws Unreadable {
    Outline outline =
        SecondReader.outline(
            """
            SELECT o.id,
               row_number() OVER w AS n,
               sum(o.total) FILTER (WHERE (o.total > (0)::numeric)) OVER (PARTITION BY o.state ORDER BY (max(o.id))) AS s,
               (rank() OVER (ORDER BY o.id DESC) + 1) AS r
              FROM public.orders o
              WINDOW w AS (ORDER BY o.id)\
            """);
    assertThat(outline.windows()).isEqualTo(3);
    assertThat(outline.aggregates()).isEqualTo(1);
  }

  @Test
  void patternOperatorsAreSpelledOutExceptInLiterals() throws Unreadable {
    assertThat(
            SecondReader.outline(
                    "SELECT count(*) FROM t WHERE a ~~ '~~' AND b !~~* 'x' AND \"~~\" ~~* 'y'")
                .aggregates())
        .isEqualTo(1);
  }

  @Test
  void aTextThatCannotBeReadIsNoOpinion() {
    assertThatThrownBy(() -> SecondReader.outline("SELECT FROM WHERE"))
        .isInstanceOf(Unreadable.class);
    assertThatThrownBy(() -> SecondReader.outline("DELETE FROM t")).isInstanceOf(Unreadable.class);
  }

  @Test
  void constructsAreFoundByKeywordsOutsideOfLiteralsAndComments() {
    String query = "SELECT 'LEFT JOIN', \"LEFT\" /* LEFT JOIN */ FROM a LEFT\n JOIN b ON true";
    assertThat(SecondReader.position(query, "LEFT JOIN")).isEqualTo(query.lastIndexOf("LEFT") + 1);
    assertThat(SecondReader.position("SELECT x FROM f", "LIMIT")).isZero();
  }

  @Test
  void clausesWithoutAnOrderAreFoundBehindOthersWithOne() {
    String query =
        "SELECT s.id FROM (SELECT id FROM c ORDER BY id LIMIT 3) s, (SELECT 1 LIMIT 1) o LIMIT 5";
    assertThat(SecondReader.position(query, "LIMIT without ORDER BY"))
        .isEqualTo(query.indexOf("LIMIT 1") + 1);
    String page = query.replace("LIMIT 1", "");
    assertThat(SecondReader.position(page, "LIMIT without ORDER BY"))
        .isEqualTo(page.lastIndexOf("LIMIT") + 1);
    String collected = "SELECT f(x ORDER BY g(y)), f(x) FROM (SELECT 1 AS x ORDER BY x) s";
    assertThat(SecondReader.position(collected, "f() without ORDER BY over an ordered subquery"))
        .isEqualTo(collected.lastIndexOf("f(x") + 1);
  }

  @Test
  void functionsAreFoundByTheirNames() {
    assertThat(SecondReader.position("SELECT random, random () FROM t", "function a.random()"))
        .isEqualTo(16);
    assertThat(SecondReader.position("SELECT $$random()$$, E'\\'random()'", "random()")).isZero();
  }
}
