// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.process;

import io.peerpod.relay.DialStep;
import io.peerpod.relay.RelayClient;
import io.peerpod.relay.RelayControl;
import io.peerpod.relay.RelayException;
import io.peerpod.relay.RelayException.Failure;
import io.peerpod.relay.RelayInfo;
import io.peerpod.relay.SessionSpec;
import io.peerpod.relay.SessionStatus;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The relay, whichever process is it at the moment: a broken connection is made anew, a dead relay started again. Its sessions are lost
 * then, and whoever waits for one of them is told so, since an unknown session counts as closed.
 */
public final class RelayLink implements RelayControl {
    private static final Logger log = LoggerFactory.getLogger(RelayLink.class);

    /** Relays that may go in a row while one call is made. */
    private static final int MAX_ATTEMPTS = 5;

    private final RelayProcess process;
    private final ReentrantLock lock = new ReentrantLock();
    private @Nullable RelayClient client;
    private boolean closed;

    public RelayLink(RelayProcess process) {
        this.process = process;
    }

    private interface Call<T> {
        T run(RelayClient client) throws RelayException, InterruptedException;
    }

    @Override
    public RelayInfo info() throws RelayException {
        return uninterrupted(RelayClient::info);
    }

    @Override
    public void open(SessionSpec spec, Duration budget) throws RelayException, InterruptedException {
        open(spec, budget, _ -> {});
    }

    @Override
    public void open(SessionSpec spec, Duration budget, Consumer<DialStep> steps)
            throws RelayException, InterruptedException {
        call(relay -> {
            relay.open(spec, budget, steps);
            return spec;
        });
    }

    @Override
    public void close(String sandboxId) throws RelayException {
        uninterrupted(relay -> {
            relay.close(sandboxId);
            return sandboxId;
        });
    }

    @Override
    public List<SessionStatus> list() throws RelayException {
        return uninterrupted(RelayClient::list);
    }

    @Override
    public SessionStatus awaitEnd(String sandboxId) throws RelayException, InterruptedException {
        return call(relay -> relay.awaitEnd(sandboxId));
    }

    @Override
    public SessionStatus awaitTrouble(String sandboxId) throws RelayException, InterruptedException {
        return call(relay -> relay.awaitTrouble(sandboxId));
    }

    @Override
    public void close() {
        lock.lock();
        try {
            closed = true;
            if (client != null) {
                client.close();
            }
        } finally {
            lock.unlock();
        }
    }

    private <T> T uninterrupted(Call<T> call) throws RelayException {
        try {
            return call(call);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RelayException(Failure.RELAY_GONE, "interrupted while the relay was asked", e);
        }
    }

    /** Whether this daemon has let go of the relay. */
    public boolean isClosed() {
        lock.lock();
        try {
            return closed;
        } finally {
            lock.unlock();
        }
    }

    /** Every call may be repeated, so one that met a broken connection is made once more: the relay was replaced, or is dead and started again. */
    private <T> T call(Call<T> call) throws RelayException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            RelayClient present = connected();
            try {
                return call.run(present);
            } catch (RelayException e) {
                if (e.failure() != Failure.RELAY_GONE || attempt == MAX_ATTEMPTS || isClosed()) {
                    throw e;
                }
                log.atInfo().addKeyValue("failure", e.getMessage()).log("the relay is connected to again");
                drop(present);
            }
        }
    }

    private RelayClient connected() throws RelayException, InterruptedException {
        lock.lockInterruptibly();
        try {
            if (closed) {
                throw new RelayException(Failure.RELAY_GONE, "this daemon is ending");
            }
            RelayClient known = client;
            if (known == null || !known.isOpen()) {
                known = process.connect();
                client = known;
            }
            return known;
        } finally {
            lock.unlock();
        }
    }

    private void drop(RelayClient broken) {
        lock.lock();
        try {
            if (client == broken) {
                client = null;
            }
        } finally {
            lock.unlock();
        }
        broken.close();
    }
}
