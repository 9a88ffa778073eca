package io.pgtrickle.engine;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import io.pgtrickle.dvm.zset.Row;
import io.pgtrickle.dvm.zset.Schema;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import org.junit.jupiter.api.Test;

/// The plan of the house, as far as class files show it. This module sees all others, so the rules
/// of all of them are here. Each `because` says how to mend a violation.
final class ArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.pgtrickle");

  @Test
  void theRulesSeeTheClassesOfAllModules() {
    assertThat(CLASSES.stream().map(JavaClass::getPackageName))
        .contains("io.pgtrickle.dvm.plan", "io.pgtrickle.dvm.zset")
        .anyMatch(name -> name.startsWith("io.pgtrickle.engine"));
  }

  @Test
  void packagesHaveNoCycles() {
    check(
        slices()
            .matching("io.pgtrickle.(**)")
            .should()
            .beFreeOfCycles()
            .because(
                "a cycle makes two rooms one; move the shared type down into the room that owns"
                    + " the idea, or let the upper room pass a function"));
  }

  @Test
  void changeCaptureAndDataflowDoNotKnowEachOther() {
    check(
        noClasses()
            .that()
            .resideInAPackage("io.pgtrickle.dvm..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.pgtrickle.cdc..", "io.pgtrickle.engine..")
            .because("dvm is a library; let engine translate and hand it values of dvm"));
    check(
        noClasses()
            .that()
            .resideInAPackage("io.pgtrickle.cdc..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.pgtrickle.dvm..", "io.pgtrickle.engine..")
            .because("cdc only captures; what a change means belongs into engine.intake"));
  }

  @Test
  void dataflowDoesNotKnowDatabases() {
    check(
        noClasses()
            .that()
            .resideInAPackage("io.pgtrickle.dvm..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("java.sql..", "javax.sql..", "org.postgresql..", "java.net..")
            .because("dvm does no I/O; pass what the server knows in through an interface"));
  }

  @Test
  void plansAndOperatorsMeetOnlyInTheDataflow() {
    check(
        noClasses()
            .that()
            .resideInAPackage("io.pgtrickle.dvm.plan..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "io.pgtrickle.dvm.operator..",
                "io.pgtrickle.dvm.state..",
                "io.pgtrickle.dvm.dataflow..",
                "io.pgtrickle.dvm.kernel..")
            .because("a plan says what; put how it runs into dvm.dataflow, which sees both"));
    check(
        noClasses()
            .that()
            .resideInAnyPackage("io.pgtrickle.dvm.operator..", "io.pgtrickle.dvm.state..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.pgtrickle.dvm.plan..", "io.pgtrickle.dvm.sql..")
            .because(
                "an operator takes the columns and functions it needs; let dvm.dataflow read the"
                    + " plan"));
  }

  @Test
  void valuesKnowNothingAboveThem() {
    check(
        noClasses()
            .that()
            .resideInAPackage("io.pgtrickle.dvm.type..")
            .should()
            .dependOnClassesThat(
                resideInAPackage("io.pgtrickle..")
                    .and(not(resideInAnyPackage("io.pgtrickle.dvm", "io.pgtrickle.dvm.type.."))))
            .because("types are the ground floor; what needs rows or plans lives higher up"));
    check(
        noClasses()
            .that()
            .resideInAPackage("io.pgtrickle.dvm.zset..")
            .should()
            .dependOnClassesThat(
                resideInAPackage("io.pgtrickle..")
                    .and(
                        not(
                            resideInAnyPackage(
                                "io.pgtrickle.dvm",
                                "io.pgtrickle.dvm.type..",
                                "io.pgtrickle.dvm.zset.."))))
            .because("a Z-set knows rows and types only; operators come to it"));
  }

  @Test
  void roomsThatAreNotExportedStayPrivate() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages("io.pgtrickle.dvm..", "io.pgtrickle.bench..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.pgtrickle.dvm.kernel..")
            .because(
                "kernel is ugly for speed; offer what you need through dvm.state or operator"));
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages("io.pgtrickle.cdc..", "io.pgtrickle.bench..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.pgtrickle.cdc.pgoutput..")
            .because("the wire format is cdc's own; take Transaction and Change from cdc"));
  }

  @Test
  void nobodyUsesTheOutermostRooms() {
    check(
        noClasses()
            .that(
                resideInAPackage("io.pgtrickle.engine.*..")
                    .and(
                        not(
                            resideInAnyPackage(
                                "io.pgtrickle.engine.cli..",
                                "io.pgtrickle.engine.http..",
                                "io.pgtrickle.engine.metrics..",
                                "io.pgtrickle.engine.embedded.."))))
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                "io.pgtrickle.engine.cli..",
                "io.pgtrickle.engine.http..",
                "io.pgtrickle.engine.metrics..",
                "io.pgtrickle.engine.embedded..")
            .because(
                "meters, endpoints and commands watch the engine; declare an interface in the inner"
                    + " room and let Sidecar connect the two"));
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage("io.pgtrickle.engine.cli..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("io.pgtrickle.engine.cli..")
            .because("the command line is the top; move what others need below it"));
  }

  @Test
  void timeComesFromOutside() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages(
                "io.pgtrickle.engine", "io.pgtrickle.engine.cli..", "io.pgtrickle.bench..")
            .should()
            .callMethod(System.class, "currentTimeMillis")
            .orShould()
            .callMethod(Instant.class, "now")
            .orShould()
            .callMethod(LocalDate.class, "now")
            .orShould()
            .callMethod(LocalDateTime.class, "now")
            .orShould()
            .callMethod(OffsetDateTime.class, "now")
            .orShould()
            .callMethod(ZonedDateTime.class, "now")
            .orShould()
            .callMethod(Clock.class, "systemUTC")
            .because(
                "replays must give the same result; take a Clock or an Instant as a parameter"
                    + " (Sidecar makes the real one)"));
  }

  @Test
  void messagesHoldNoRows() {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackage("io.pgtrickle.bench..")
            .should()
            .callMethod(Schema.class, "toText", Row.class)
            .because(
                "messages end up in logs, the history and /ready, which people see who may not see"
                    + " the users' data; name the table and the count instead"));
  }

  @Test
  void namesSayWhatAThingIs() {
    check(
        noClasses()
            .should()
            .haveSimpleNameEndingWith("Impl")
            .orShould()
            .haveSimpleNameEndingWith("Utils")
            .orShould()
            .haveSimpleNameEndingWith("Util")
            .orShould()
            .haveSimpleNameEndingWith("Helper")
            .orShould()
            .haveSimpleNameEndingWith("Manager")
            .because("such a name hides the idea; name the class after what it knows or does"));
  }

  /// A rule about a room that has no class yet has nothing to say.
  private static void check(ArchRule rule) {
    rule.allowEmptyShould(true).check(CLASSES);
  }
}
