// SPDX-License-Identifier: Apache-2.0
package io.peerpod.relay.host;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.peerpod.relay.RawPeer;
import io.peerpod.relay.RelayClient;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.ScriptedAgent;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus;
import io.peerpod.relay.SessionStatus.State;
import io.peerpod.relay.TestFrame;
import io.peerpod.ttrpc.TtrpcServer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The daemon's view of a relay process, over the control socket. */
@Timeout(60)
class RelayClientIT {
    @Test
    void theWholeLifeOfASession() throws Exception {
        try (RelayChain chain = new RelayChain((connection, frame) -> {
            if (frame.contains("Leave")) {
                connection.close();
            } else {
                ScriptedAgent.echo(connection, frame);
            }
        })) {
            Path control = chain.folder.resolve("relay.sock");
            try (TtrpcServer _ = TtrpcServer.builder()
                            .addService(new ControlService(chain.sessions, chain.predecessor))
                            .listen(control);
                    RelayClient daemon = RelayClient.connect(control)) {
                assertThat(daemon.info().processId())
                        .isEqualTo(ProcessHandle.current().pid());
                daemon.open(chain.spec, RelayChain.BUDGET);
                SessionStatus status = daemon.list().getFirst();
                assertThat(status.state()).isEqualTo(State.READY);
                assertThat(status.spec()).contains(chain.spec);
                CompletableFuture<SessionStatus> end = CompletableFuture.supplyAsync(() -> {
                    try {
                        return daemon.awaitEnd(RelayChain.ID);
                    } catch (RelayException | InterruptedException e) {
                        throw new IllegalStateException(e);
                    }
                });
                try (RawPeer shim = RawPeer.connect(chain.socket())) {
                    shim.send(TestFrame.request(1, "grpc.AgentService", "Leave", new byte[0]));
                    assertThat(shim.ended()).isTrue();
                }
                assertThat(end.get(20, TimeUnit.SECONDS).state()).isEqualTo(State.LOST);
                assertThatThrownBy(() -> daemon.open(chain.spec, RelayChain.BUDGET))
                        .isInstanceOfSatisfying(
                                RelayException.class,
                                e -> assertThat(e.failure()).isEqualTo(RelayException.Failure.CONFLICT));
                daemon.close(RelayChain.ID);
                daemon.close("never heard of");
                assertThat(daemon.list()).isEmpty();
            }
        }
    }

    @Test
    void failuresKeepTheirKindAndWords() throws Exception {
        try (RelayChain chain = new RelayChain(ScriptedAgent::echo)) {
            Path control = chain.folder.resolve("relay.sock");
            try (TtrpcServer _ = TtrpcServer.builder()
                            .addService(new ControlService(chain.sessions, chain.predecessor))
                            .listen(control);
                    RelayClient daemon = RelayClient.connect(control)) {
                SessionSpec wrong = chain.spec(chain.spec.tls(), "another-vm");
                assertThatThrownBy(() -> daemon.open(wrong, Duration.ofMillis(500)))
                        .isInstanceOfSatisfying(RelayException.class, e -> {
                            assertThat(e.failure()).isEqualTo(RelayException.Failure.TLS);
                            assertThat(e).hasMessageContaining("another name");
                        });
            }
        }
    }
}
