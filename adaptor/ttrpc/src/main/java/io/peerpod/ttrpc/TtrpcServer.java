// SPDX-License-Identifier: Apache-2.0
package io.peerpod.ttrpc;

import io.grpc.BindableService;
import io.grpc.Context;
import io.grpc.Deadline;
import io.grpc.ServerMethodDefinition;
import io.grpc.ServerServiceDefinition;
import java.io.IOException;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Serves grpc-java service definitions over ttrpc. Each request runs on a virtual thread of its own, so handlers may block; see
 * {@code PROTOCOL.md} for what a client sees.
 *
 * <p>A handler finds its {@link Peer} and the caller's deadline in the gRPC {@link Context}. Ending a call early, because its deadline
 * passed, its connection is lost or the server is closed, cancels the context and interrupts the handler's thread, except for services
 * added with {@link Builder#addDetachedService}.
 */
public final class TtrpcServer implements AutoCloseable {
    /** The process that made the call; set in every handler. */
    public static final Context.Key<Peer> PEER = Context.key("ttrpc-peer");

    /** When the caller stops waiting; absent (null) when it waits for ever. Set for detached services too. */
    public static final Context.Key<Deadline> CALL_DEADLINE = Context.key("ttrpc-call-deadline");

    private final Acceptor acceptor;
    private final @Nullable UnixListener listener;
    private final AtomicBoolean closed = new AtomicBoolean();

    private TtrpcServer(Acceptor acceptor, @Nullable UnixListener listener) {
        this.acceptor = acceptor;
        this.listener = listener;
    }

    public static Builder builder() {
        return new Builder();
    }

    /** Connections that are open now. */
    public int connections() {
        return acceptor.connections();
    }

    /** Calls that are being worked on now, including those whose caller has its answer while the handler still runs. */
    public int openStreams() {
        return acceptor.openStreams();
    }

    /**
     * Accepts no more connections, waits until no call is open and the answers are written, then closes.
     *
     * @return whether every call was answered within the time
     */
    public boolean shutdown(Duration grace) throws InterruptedException {
        stopListening();
        long end = System.nanoTime() + grace.toNanos();
        try {
            while (!acceptor.isAtRest() && System.nanoTime() - end < 0) {
                Thread.sleep(5);
            }
            return openStreams() == 0;
        } finally {
            close();
        }
    }

    /** Accepts no more connections, closes the open ones and ends their calls. The socket file goes too, if this server made it. */
    @Override
    public void close() {
        stopListening();
        acceptor.closeConnections();
    }

    private void stopListening() {
        if (closed.compareAndSet(false, true)) {
            if (listener != null) {
                listener.close();
            }
            acceptor.stop();
        }
    }

    /** A method and how its handler is treated when the call ends early. */
    record Registered(ServerMethodDefinition<?, ?> definition, boolean detached) {}

    /** Collects services, then starts a server. */
    public static final class Builder {
        private final Map<String, Map<String, Registered>> services = new HashMap<>();
        private TtrpcLimits limits = TtrpcLimits.DEFAULT;
        private String name = "ttrpc";
        private Set<PosixFilePermission> socketMode = PosixFilePermissions.fromString("rw-------");
        private Predicate<Peer> peerCheck = peer -> true;
        private int backlog = 1024;

        private Builder() {}

        public Builder addService(BindableService service) {
            return add(service.bindService(), false);
        }

        public Builder addService(ServerServiceDefinition service) {
            return add(service, false);
        }

        /**
         * A service whose handlers survive their callers: when a call ends early neither is their context cancelled nor their thread
         * interrupted. The caller is answered DEADLINE_EXCEEDED in time all the same; {@link #CALL_DEADLINE} tells the handler.
         */
        public Builder addDetachedService(BindableService service) {
            return add(service.bindService(), true);
        }

        /** Like {@link #addDetachedService(BindableService)}. */
        public Builder addDetachedService(ServerServiceDefinition service) {
            return add(service, true);
        }

        private Builder add(ServerServiceDefinition service, boolean detached) {
            String serviceName = service.getServiceDescriptor().getName();
            Map<String, Registered> methods = new HashMap<>();
            for (ServerMethodDefinition<?, ?> method : service.getMethods()) {
                String fullName = method.getMethodDescriptor().getFullMethodName();
                methods.put(fullName.substring(fullName.lastIndexOf('/') + 1), new Registered(method, detached));
            }
            if (services.putIfAbsent(serviceName, methods) != null) {
                throw new IllegalArgumentException("the service " + serviceName + " was added twice");
            }
            return this;
        }

        public Builder limits(TtrpcLimits value) {
            limits = value;
            return this;
        }

        /** What threads and log lines are called; default {@code ttrpc}. */
        public Builder name(String value) {
            name = value;
            return this;
        }

        /** Rights of the socket file made by {@link #listen}, such as {@code rw-rw----}; default {@code rw-------}. */
        public Builder socketMode(String value) {
            socketMode = PosixFilePermissions.fromString(value);
            return this;
        }

        /** Connections of peers that fail the check are closed before a byte is read, for example {@code Peer::isRoot}. */
        public Builder peerCheck(Predicate<Peer> value) {
            peerCheck = value;
            return this;
        }

        /** Connections that the kernel keeps before they are accepted, for {@link #listen}; default 1024. */
        public Builder backlog(int value) {
            backlog = value;
            return this;
        }

        /**
         * Serves on a new Unix socket. A socket file that nobody listens on any more is replaced.
         *
         * @throws IOException when the path is too long, is no socket, is in use, or cannot be bound
         */
        public TtrpcServer listen(Path socket) throws IOException {
            UnixListener listener = UnixListener.bind(socket, backlog, socketMode);
            return start(listener.channel(), listener);
        }

        /** Serves on a listening channel that the caller has bound; the server closes it. */
        public TtrpcServer serve(ServerSocketChannel channel) {
            return start(channel, null);
        }

        private TtrpcServer start(ServerSocketChannel channel, @Nullable UnixListener listener) {
            Acceptor acceptor =
                    new Acceptor(channel, new ServerSettings(name, Map.copyOf(services), limits, peerCheck));
            TtrpcServer server = new TtrpcServer(acceptor, listener);
            acceptor.start();
            return server;
        }
    }
}
