// SPDX-License-Identifier: Apache-2.0
package io.peerpod.system;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who may see whom, with the reason beside each rule. */
class WallsTest {
    private static JavaClasses product = new ClassFileImporter().importPackages();

    @BeforeAll
    static void importEverything() {
        product = new ClassFileImporter()
                .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
                .importPackages("io.peerpod");
    }

    private static void holds(ArchRule rule) {
        rule.check(product);
    }

    @Test
    void everyModuleIsLookedAt() {
        Set<String> seen = product.stream()
                .map(JavaClass::getPackageName)
                .map(name -> name.replaceFirst("io\\.peerpod\\.?([a-z]*).*", "$1"))
                .collect(Collectors.toSet());
        assertThat(seen)
                .as("modules whose classes the rules below were checked on")
                .containsAll(List.of(
                        "ttrpc",
                        "options",
                        "contract",
                        "network",
                        "relay",
                        "sandbox",
                        "node",
                        "forwarder",
                        "cli",
                        "provider",
                        "podvm",
                        "doubles",
                        "bench"));
    }

    @Test
    void theCoreIsPure() {
        holds(noClasses()
                .that()
                .resideInAPackage("io.peerpod.sandbox..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "java.io..",
                        "java.nio.file..",
                        "java.nio.channels..",
                        "java.util.concurrent..",
                        "java.security..",
                        "java.net.http..",
                        "org.slf4j..",
                        "io.grpc..",
                        "com.google.protobuf..")
                .because("a crash can only be simulated if the life-cycle neither acts nor waits"));
        holds(noClasses()
                .that()
                .resideInAPackage("io.peerpod.sandbox..")
                .should()
                .callMethod(java.time.Instant.class, "now")
                .orShould()
                .callMethod(System.class, "currentTimeMillis")
                .orShould()
                .callMethod(System.class, "nanoTime")
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(java.util.Random.class)
                .orShould()
                .dependOnClassesThat()
                .areAssignableTo(Thread.class)
                .because("the same events must give the same facts and effects, today and in a replay"));
    }

    @Test
    void theCoreSeesOnlyTheProviderContract() {
        sees("io.peerpod.sandbox", "io.peerpod.sandbox..", "io.peerpod.provider");
    }

    @Test
    void aProviderSeesItsContractOnly() {
        sees("io.peerpod.provider", "io.peerpod.provider", "io.peerpod.options..");
        sees("io.peerpod.provider.local..", "io.peerpod.provider..", "io.peerpod.options..", "io.peerpod.network..");
    }

    @Test
    void nothingSeesAProvider() {
        holds(noClasses()
                .that(not(resideInAPackage("io.peerpod.provider.(*)..")))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.peerpod.provider.(*)..")
                .because("the daemon finds providers by name, so that their SDKs never meet"));
    }

    @Test
    void theGuestHoldsNothingOfACloudOrACluster() {
        sees(
                "io.peerpod.forwarder..",
                "io.peerpod.forwarder..",
                "io.peerpod.ttrpc..",
                "io.peerpod.contract..",
                "io.peerpod.options..",
                "io.peerpod.network..",
                "io.peerpod.relay..");
        sees("io.peerpod.contract..", "io.peerpod.contract..", "io.peerpod.ttrpc..", "io.peerpod.network..");
        sees("io.peerpod.network..", "io.peerpod.network..");
        sees("io.peerpod.ttrpc..", "io.peerpod.ttrpc..");
        sees("io.peerpod.options..", "io.peerpod.options..");
    }

    @Test
    void theRelayHoldsNoCloudClientAndDoesNotKnowTheDaemon() {
        sees(
                "io.peerpod.relay..",
                "io.peerpod.relay..",
                "io.peerpod.ttrpc..",
                "io.peerpod.contract..",
                "io.peerpod.options..",
                "io.peerpod.network..");
    }

    @Test
    void theGuestHalfOfTheRelayDoesNotSeeItsHostHalf() {
        holds(noClasses()
                .that()
                .resideInAPackage("io.peerpod.relay.guest..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.peerpod.relay.host.."));
        holds(noClasses()
                .that()
                .resideInAPackage("io.peerpod.relay.host..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.peerpod.relay.guest.."));
    }

    @Test
    void onlyOneClassCallsNativeCode() {
        holds(noClasses()
                .that()
                .haveSimpleNameNotStartingWith("ForeignLibc")
                .should()
                .dependOnClassesThat()
                .haveFullyQualifiedName("java.lang.foreign.Linker")
                .because("errno, layouts and restricted access are looked after in one place"));
    }

    @Test
    void thereIsNoSecondLoggerAndNoForeignEventLoop() {
        holds(noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage(
                        "java.util.logging..", "io.netty..", "io.vertx..", "ch.qos.logback..", "org.apache.logging..")
                .because("one library for one job, and the guest must stay small"));
    }

    /** Of our own packages, those matching {@code from} see those matching {@code allowed} and no others. */
    private static void sees(String from, String... allowed) {
        holds(classes()
                .that()
                .resideInAPackage(from)
                .should()
                .onlyDependOnClassesThat(not(resideInAPackage("io.peerpod..")).or(resideInAnyPackage(allowed)))
                .allowEmptyShould(false));
    }
}
