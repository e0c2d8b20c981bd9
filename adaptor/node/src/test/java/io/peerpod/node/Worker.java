// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import io.grpc.StatusRuntimeException;
import io.peerpod.contract.Annotations;
import io.peerpod.contract.hypervisor.CreateVMRequest;
import io.peerpod.contract.hypervisor.HypervisorGrpc;
import io.peerpod.contract.hypervisor.StartVMRequest;
import io.peerpod.contract.hypervisor.StopVMRequest;
import io.peerpod.contract.podvminfo.GetInfoRequest;
import io.peerpod.contract.podvminfo.PodVMInfoGrpc;
import io.peerpod.node.doubles.FailingStorage;
import io.peerpod.node.doubles.FakeCloud;
import io.peerpod.node.doubles.FakeNetworks;
import io.peerpod.node.doubles.FakeRelay;
import io.peerpod.node.effect.Effects;
import io.peerpod.node.effect.GuestConfiguration;
import io.peerpod.node.health.LifeMeter;
import io.peerpod.node.health.MeteredCloud;
import io.peerpod.node.health.MeteredStorage;
import io.peerpod.node.health.Metrics;
import io.peerpod.node.identity.Identities;
import io.peerpod.node.identity.TlsProfile;
import io.peerpod.node.identity.TlsSettings;
import io.peerpod.node.journal.EndedLimits;
import io.peerpod.node.journal.JournalFolder;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.node.plan.SandboxPreparation;
import io.peerpod.node.process.Supervisor;
import io.peerpod.node.sweep.CloudWatches;
import io.peerpod.ttrpc.TtrpcChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A worker with a real daemon between a fake cloud, a fake relay and fake tunnels, which all outlive it. */
final class Worker implements AutoCloseable {
    final FakeCloud cloud;
    final FakeRelay relay;
    final FakeNetworks networks;
    final FailingStorage storage;
    final Metrics metrics = new Metrics();
    private final Path folder;
    Duration orphanGrace = Duration.ZERO;
    Duration sweepInterval = Duration.ofMillis(50);
    Duration watchInterval = Duration.ofMillis(50);
    Optional<String> initdata = Optional.empty();
    Duration proxyTimeout = Duration.ofSeconds(20);
    private @Nullable Daemon daemon;
    private @Nullable Effects effects;

    Worker(Path folder) {
        this(folder, new FakeCloud(), new FakeRelay(), new FakeNetworks(), new FailingStorage());
    }

    private Worker(Path folder, FakeCloud cloud, FakeRelay relay, FakeNetworks networks, FailingStorage storage) {
        this.folder = folder;
        this.cloud = cloud;
        this.relay = relay;
        this.networks = networks;
        this.storage = storage;
    }

    /** A newer daemon on the same worker. */
    Worker successor() {
        return new Worker(folder, cloud, relay, networks, storage);
    }

    Path socket() {
        return folder.resolve("hv.sock");
    }

    Path pods() {
        return folder.resolve("pods");
    }

    Path state() {
        return folder.resolve("state");
    }

    void start() throws Exception {
        Files.createDirectories(state());
        Files.createDirectories(pods());
        NodeConfig config = new NodeConfig(
                socket(),
                pods(),
                state(),
                15150,
                new TlsSettings(
                        false,
                        false,
                        Optional.empty(),
                        Optional.empty(),
                        Optional.empty(),
                        new TlsProfile(Optional.empty(), List.of())),
                proxyTimeout,
                4789,
                555_000,
                Optional.empty(),
                List.of(),
                false,
                initdata,
                false,
                false,
                "cluster",
                "node",
                orphanGrace,
                64,
                64,
                Duration.ofMillis(100),
                Duration.ofSeconds(1),
                watchInterval,
                sweepInterval,
                false,
                EndedLimits.DEFAULT,
                "info",
                0);
        Clock clock = Clock.systemUTC();
        Identities identities = new Identities(state().resolve("tls"), config.tls(), clock);
        GuestConfiguration configuration =
                new GuestConfiguration(identities, config.tls().profile(), config.initdata(), config.scratchSpace());
        Effects running = new Effects(
                new MeteredCloud(cloud, metrics),
                config.owner(),
                relay,
                networks,
                identities,
                configuration,
                config.limits(),
                config.forwarderPort());
        effects = running;
        Daemon started = Daemon.serve(
                config,
                new Daemon.Parts(
                        new Sandboxes(
                                new JournalFolder(
                                        state().resolve("journal"), new MeteredStorage(storage, metrics), clock),
                                running,
                                new LifeMeter(metrics, clock)),
                        running,
                        new SandboxPreparation(pods(), networks, identities, clock),
                        configuration,
                        identities,
                        networks,
                        relay,
                        Supervisor.of(Map.of()),
                        new CloudWatches(cloud, config.owner(), sweepInterval, watchInterval, metrics::swept)));
        daemon = started;
        started.start();
    }

    /** Why the daemon serves no shims. */
    Optional<String> unready() {
        return daemon == null ? Optional.of("there is no daemon") : daemon.unready();
    }

    /** As near to a kill -9 as one process allows: whatever ran answers nobody any more. */
    void kill() {
        if (effects != null) {
            effects.close();
        }
        close();
    }

    @Override
    public void close() {
        if (daemon != null) {
            daemon.close();
            daemon = null;
        }
    }

    private interface Call<T> {
        T run(TtrpcChannel channel);
    }

    private <T> T call(Call<T> call) throws IOException {
        try (TtrpcChannel channel = TtrpcChannel.connect(socket())) {
            return call.run(channel);
        }
    }

    private static HypervisorGrpc.HypervisorBlockingStub stub(TtrpcChannel channel) {
        return HypervisorGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
    }

    static CreateVMRequest request(String id) {
        return request(id, Map.of());
    }

    static CreateVMRequest request(String id, Map<String, String> more) {
        return CreateVMRequest.newBuilder()
                .setId(id)
                .setNetworkNamespacePath("/run/netns/" + id)
                .putAnnotations(Annotations.POD_NAME, "pod-" + id)
                .putAnnotations(Annotations.POD_NAMESPACE, "default")
                .putAllAnnotations(more)
                .build();
    }

    String create(CreateVMRequest request) throws IOException {
        return call(channel -> stub(channel).createVM(request).getAgentSocketPath());
    }

    void start(String id) throws IOException {
        call(channel ->
                stub(channel).startVM(StartVMRequest.newBuilder().setId(id).build()));
    }

    CompletableFuture<Void> startLater(String id) {
        return CompletableFuture.runAsync(
                () -> {
                    try {
                        start(id);
                    } catch (IOException e) {
                        throw new IllegalStateException(e);
                    }
                },
                Executors.newVirtualThreadPerTaskExecutor());
    }

    void stop(String id) throws IOException {
        call(channel ->
                stub(channel).stopVM(StopVMRequest.newBuilder().setId(id).build()));
    }

    String info(String pod, boolean wait, Duration deadline) throws IOException {
        return call(channel -> PodVMInfoGrpc.newBlockingStub(channel)
                .withDeadlineAfter(deadline.toMillis(), TimeUnit.MILLISECONDS)
                .getInfo(GetInfoRequest.newBuilder()
                        .setPodNamespace("default")
                        .setPodName(pod)
                        .setWait(wait)
                        .build())
                .getVMID());
    }

    /** What of any sandbox is left anywhere; empty when nothing is. */
    String leftovers() {
        return String.join(
                ", ",
                cloud.vms.isEmpty() ? "" : cloud.vms + "",
                relay.list().isEmpty() ? "" : relay.list() + "",
                networks.tunnels.isEmpty() ? "" : networks.tunnels + "",
                networks.reserved.isEmpty() ? "" : networks.reserved + "",
                files(pods()),
                journals());
    }

    /** What is left of journals, other than those that are kept to be read. */
    private String journals() {
        return Stream.of(files(state().resolve("journal")).split(" "))
                .filter(file -> !file.contains("/ended"))
                .collect(java.util.stream.Collectors.joining(" "));
    }

    static final String NOTHING = ", , , , , ";

    static String files(Path folder) {
        try (Stream<Path> files = Files.walk(folder)) {
            return String.join(
                    " ",
                    files.filter(file -> !file.equals(folder))
                            .map(Path::toString)
                            .toList());
        } catch (IOException e) {
            return e.toString();
        }
    }

    /** What a failed call says. */
    static String failure(StatusRuntimeException e) {
        return e.getStatus().getCode() + ": " + e.getStatus().getDescription();
    }
}
