// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.awaitility.Awaitility.await;

import io.grpc.StatusRuntimeException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** A worker for each test, in a folder of its own. */
abstract class WorkerFixture {
    private Path folder = Path.of("");
    Worker worker = new Worker(folder);

    @BeforeEach
    void startWorker() throws Exception {
        // A test's own folder may be too long for a socket's path.
        folder = Files.createTempDirectory("ppn");
        worker = new Worker(folder);
        worker.start();
    }

    @AfterEach
    void stopWorker() throws Exception {
        worker.close();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }

    void nothingIsLeft() {
        await().atMost(Duration.ofSeconds(30))
                .untilAsserted(() -> assertThat(worker.leftovers()).isEqualTo(Worker.NOTHING));
    }

    static StatusRuntimeException refused(ThrowingCallable call) {
        return catchThrowableOfType(StatusRuntimeException.class, call);
    }
}
