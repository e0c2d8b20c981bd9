// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.peerpod.node.sweep.VmReport;
import io.peerpod.provider.CloudFailure;
import io.peerpod.provider.LaunchToken;
import io.peerpod.provider.Owner;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** VMs that nobody answers for, and pods whose VM goes. */
class OrphanSweepIT extends WorkerFixture {
    private static final LaunchToken STRAY = new LaunchToken("s9", "podvm-stray-s9");

    private void sweepTheOldest() {
        worker.cloud.longestCall = Duration.ofMillis(200);
    }

    private void vmGoes(LaunchToken token) {
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(worker.cloud.vms).doesNotContainKey(token));
    }

    private String report() throws Exception {
        return new VmReport(
                        worker.cloud,
                        new Owner("cluster", "node"),
                        worker.state().resolve("journal"))
                .json();
    }

    @Test
    void anOldVmWithoutAJournalIsDeletedUntilAbsent() throws Exception {
        worker.cloud.slowDeletes = 3;
        worker.cloud.deleteFailures.add(new CloudFailure.Unreachable("no route"));
        worker.cloud.plant(STRAY, Optional.of(Instant.now().minus(Duration.ofHours(1))));
        vmGoes(STRAY);
    }

    @Test
    void aYoungVmIsLeftAloneUntilNoCallCanBeAboutIt() throws Exception {
        worker.cloud.plant(STRAY, Optional.of(Instant.now()));
        Thread.sleep(300);
        assertThat(worker.cloud.vms).containsKey(STRAY);
        assertThat(report()).contains("\"verdict\":\"young\"", "may be under way");
        sweepTheOldest();
        vmGoes(STRAY);
    }

    @Test
    void aVmOfUnknownAgeIsWatchedFirst() throws Exception {
        worker.cloud.plant(STRAY, Optional.empty());
        Thread.sleep(100);
        assertThat(report()).contains("\"verdict\":\"young\"", "\"createdAt\":null", "\"ageSeconds\":null");
        assertThat(worker.cloud.vms).containsKey(STRAY);
        sweepTheOldest();
        vmGoes(STRAY);
    }

    @Test
    void aPodsVmIsNeverSwept() throws Exception {
        sweepTheOldest();
        worker.create(Worker.request("s1"));
        worker.start("s1");
        Thread.sleep(500);
        assertThat(worker.cloud.deletes).hasValue(0);
        assertThat(report()).contains("\"verdict\":\"ours\"", "\"pod\":\"default/pod-s1\"");
        worker.stop("s1");
        nothingIsLeft();
    }

    @Test
    void afterARebootThatWipedTheStateTheSweepAloneLeavesNothing() throws Exception {
        for (int i = 0; i < 3; i++) {
            worker.create(Worker.request("s" + i));
            worker.start("s" + i);
        }
        worker.kill();
        wipe(worker.state());
        worker.networks.tunnels.clear();
        worker.networks.reserved.clear();
        for (int i = 0; i < 3; i++) {
            worker.relay.close("s" + i);
        }
        wipe(worker.pods());
        worker = worker.successor();
        sweepTheOldest();
        worker.start();
        nothingIsLeft();
    }

    private void restartOverADamagedJournal() throws Exception {
        worker.create(Worker.request("s1"));
        worker.start("s1");
        worker.kill();
        Path journal = worker.state().resolve("journal/s1.journal");
        byte[] bytes = Files.readAllBytes(journal);
        bytes[40] ^= 1;
        Files.write(journal, bytes);
        worker = worker.successor();
        sweepTheOldest();
        worker.start();
    }

    @Test
    void theVmOfADamagedJournalWaitsForAHuman() throws Exception {
        restartOverADamagedJournal();
        await().untilAsserted(() -> assertThat(report()).contains("\"verdict\":\"set-aside\""));
        Thread.sleep(300);
        assertThat(worker.cloud.vms).hasSize(1);
        Files.delete(worker.state().resolve("journal/s1.journal.damaged"));
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(worker.cloud.vms).isEmpty());
    }

    @Test
    void theVmOfADamagedJournalGoesWhenItsShimAsksForTheStop() throws Exception {
        restartOverADamagedJournal();
        worker.stop("s1");
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertThat(worker.cloud.vms).isEmpty());
        assertThat(worker.state().resolve("journal/s1.journal.damaged.stopped")).exists();
    }

    @Test
    void aPodWhoseVmIsDeletedBehindOurBackEndsInWords() throws Exception {
        worker.create(Worker.request("s1"));
        worker.start("s1");
        worker.cloud.vms.clear();
        nothingIsLeft();
        try (Stream<Path> ended = Files.list(worker.state().resolve("journal/ended"))) {
            assertThat(Files.readString(ended.findFirst().orElseThrow(), java.nio.charset.StandardCharsets.ISO_8859_1))
                    .contains("somebody deleted it while the pod was running");
        }
    }

    @Test
    void aSandboxThatComesBackWaitsForTheSweepOfItsOldVm() throws Exception {
        LaunchToken old = new LaunchToken("s1", "podvm-pod-s1-old");
        worker.cloud.slowDeletes = 3;
        worker.cloud.plant(old, Optional.of(Instant.now().minus(Duration.ofHours(1))));
        await().untilAsserted(() -> assertThat(worker.cloud.deletes).hasPositiveValue());
        worker.create(Worker.request("s1"));
        assertThat(worker.cloud.vms).isEmpty();
        worker.start("s1");
        assertThat(worker.cloud.vms).hasSize(1);
    }

    private static void wipe(Path folder) throws Exception {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder())
                    .filter(file -> !file.equals(folder))
                    .toList()) {
                Files.delete(file);
            }
        }
    }
}
