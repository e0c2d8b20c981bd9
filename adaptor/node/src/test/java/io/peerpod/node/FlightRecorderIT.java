// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerpod.node.recorder.Main;
import io.peerpod.provider.CloudFailure;
import io.peerpod.relay.RelayException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/** What operators are told of sandboxes, from their journals alone. */
class FlightRecorderIT extends WorkerFixture {

    private record Answer(int code, String out, String err) {}

    private Answer ask(String... words) {
        List<String> arguments = new ArrayList<>(List.of(words));
        arguments.add("-state-dir=" + worker.state());
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        int code = Main.run(
                arguments,
                Map.of(),
                new PrintStream(out, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
        return new Answer(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
    }

    private String told(String... words) {
        Answer answer = ask(words);
        assertThat(answer.code()).as(answer.err()).isZero();
        return answer.out();
    }

    @Test
    void aRunningPodIsShownWithItsVmAndWhereItsStartWentAlsoWhenTheDaemonIsDead() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        for (int i = 0; i < 2; i++) {
            assertThat(told("pods"))
                    .contains("default/pod-a1", "a1", "vm-1", "192.0.2.2", "ready", "no relay answers on");
            assertThat(told("why", "pod-a1"))
                    .contains("default/pod-a1", "* prepared", "* launched", "* connected", "START took", "cloud-create")
                    .doesNotContain("FAILURE", "STOP took");
            worker.kill();
        }
        worker.start();
        assertThat(told("why", "default/pod-a1", "-json"))
                .contains(
                        "\"state\": \"ready\"", "\"stage\": \"running\"", "\"goingOn\": true", "\"name\": \"resumed\"");
    }

    @Test
    void whyTellsOfAStartThatTheCloudRefusedAfterTheSandboxIsGone() throws Exception {
        worker.cloud.createFailures.add(
                new CloudFailure.OutOfCapacity("zone 1 has no room for this type", CloudFailure.Actor.CLOUD));
        worker.create(Worker.request("a1"));
        refused(() -> worker.start("a1"));
        nothingIsLeft();
        await().untilAsserted(() -> assertThat(told("pods")).contains("gone", "OutOfCapacity: "));
        assertThat(told("why", "default/pod-a1"))
                .contains(
                        "FAILURE   the cloud has no room for the pod's VM",
                        "seen      zone 1 has no room for this type",
                        "turn      the cloud",
                        "next      have the pod ask for another instance type",
                        "* ended");
        assertThat(told("why", "a1", "-json"))
                .contains("\"kind\": \"OutOfCapacity\"", "\"turn\": \"cloud\"", "\"state\": \"gone\"");
    }

    @Test
    void aTroubleThatIsNotOverYetIsToldWhileItLasts() throws Exception {
        worker.cloud.createFailures.add(new CloudFailure.Unreachable("no route to the cloud"));
        worker.create(Worker.request("a1"));
        var start = worker.startLater("a1");
        await().untilAsserted(() -> assertThat(told("why", "a1"))
                .contains("FAILURE   the cloud's API cannot be reached", "seen      no route to the cloud"));
        start.get();
        assertThat(told("why", "a1")).doesNotContain("FAILURE").contains("retry-pause");
    }

    @Test
    void aGuestThatNeverAnswersIsToldFromOneWhoseAgentIsSilent() throws Exception {
        worker.create(Worker.request("a1"));
        worker.relay.refusal = new RelayException(RelayException.Failure.UNREACHABLE, "connection refused");
        refused(() -> worker.start("a1"));
        worker.create(Worker.request("b2"));
        worker.relay.refusal = new RelayException(RelayException.Failure.AGENT, "no Health/Check");
        refused(() -> worker.start("b2"));
        nothingIsLeft();
        await().untilAsserted(() -> {
            assertThat(told("why", "a1")).contains("FAILURE   the guest never answered");
            assertThat(told("why", "b2")).contains("FAILURE   the guest's agent does not answer");
        });
    }

    @Test
    void aTunnelThatLetsNothingPassIsToldAndEndsNothing() throws Exception {
        worker.networks.blocked = true;
        worker.create(Worker.request("a1"));
        worker.start("a1");
        await().untilAsserted(() -> assertThat(told("why", "a1"))
                .contains("state     ready", "FAILURE   no packet comes back through the pod's tunnel", "UDP port"));
        assertThat(told("pods")).contains("ready", "tunnel-blocked: ");
    }

    @Test
    void aVmThatSomebodyDeletedIsToldFromAnAgentThatDied() throws Exception {
        for (String id : List.of("a1", "b2")) {
            worker.create(Worker.request(id));
            worker.start(id);
        }
        worker.cloud.vms.keySet().removeIf(token -> token.sandboxId().equals("a1"));
        worker.relay.lose("a1", "the connection was reset");
        worker.relay.lose("b2", "the connection was reset");
        nothingIsLeft();
        await().untilAsserted(() -> {
            assertThat(told("why", "a1")).contains("FAILURE   the VM was deleted behind our back");
            assertThat(told("why", "b2")).contains("FAILURE   the guest of the running pod is gone");
        });
    }

    @Test
    void aDamagedJournalIsARowOfItsOwnAndATornTailIsNoDamage() throws Exception {
        worker.create(Worker.request("a1"));
        worker.start("a1");
        worker.create(Worker.request("b2"));
        worker.create(Worker.request("c3"));
        worker.start("c3");
        Path journals = worker.state().resolve("journal");
        try (RandomAccessFile file =
                new RandomAccessFile(journals.resolve("c3.journal").toFile(), "rw")) {
            file.seek(40);
            file.write(0xA5);
        }
        byte[] torn = Files.readAllBytes(journals.resolve("b2.journal"));
        Files.write(journals.resolve("b2.journal"), java.util.Arrays.copyOf(torn, 60));
        Files.write(journals.resolve("d4.journal"), new byte[(8 << 20) + 1]);
        String pods = told("pods");
        assertThat(pods).contains("a1", "damaged: the sandbox's journal cannot be read");
        assertThat(pods.lines().filter(line -> line.contains("c3")))
                .singleElement()
                .asString()
                .contains("damaged");
        assertThat(pods.lines().filter(line -> line.contains("d4")))
                .singleElement()
                .asString()
                .contains("damaged");
        assertThat(pods).doesNotContain("b2");
        assertThat(told("why", "c3")).contains("the record at byte 8 is damaged");
    }

    @Test
    void whoeverReadsWhileTheDaemonWritesNeverSeesDamage() throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        Thread pods = Thread.ofVirtual().start(() -> {
            try {
                for (int i = 0; i < 30; i++) {
                    worker.create(Worker.request("w" + i));
                    worker.start("w" + i);
                    worker.stop("w" + i);
                }
            } catch (java.io.IOException e) {
                throw new java.io.UncheckedIOException(e);
            } finally {
                done.set(true);
            }
        });
        int looks = 0;
        while (!done.get() || looks == 0) {
            assertThat(told("pods", "-json")).doesNotContain("damaged");
            looks++;
        }
        pods.join();
        nothingIsLeft();
        assertThat(told("pods", "-all").lines().filter(line -> line.contains("gone")))
                .hasSize(30);
    }

    @Test
    void whatIsNotThereOrNotClearIsSaidInWords() throws Exception {
        assertThat(told("pods")).contains("no sandboxes");
        assertThat(ask("why", "nobody"))
                .satisfies(answer -> assertThat(answer.code()).isEqualTo(1))
                .satisfies(
                        answer -> assertThat(answer.err()).contains("no journal tells of a pod or sandbox 'nobody'"));
        worker.create(Worker.request("abc1"));
        worker.create(Worker.request("abc2"));
        assertThat(ask("why", "abc").err()).contains("'abc' may be any of", "default/pod-abc1 (abc1)");
        assertThat(told("why", "abc2")).contains("default/pod-abc2");
        assertThat(ask("why").code()).isEqualTo(64);
        assertThat(ask("nonsense").code()).isEqualTo(64);
        ByteArrayOutputStream err = new ByteArrayOutputStream();
        Main.run(
                List.of("pods", "-state-dir=/not/there"),
                Map.of(),
                new PrintStream(err, true, StandardCharsets.UTF_8),
                new PrintStream(err, true, StandardCharsets.UTF_8));
        assertThat(err.toString(StandardCharsets.UTF_8)).contains("there is no state folder /not/there");
    }
}
