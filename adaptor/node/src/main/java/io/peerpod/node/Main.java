// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import io.peerpod.node.effect.Effects;
import io.peerpod.node.effect.GuestConfiguration;
import io.peerpod.node.health.HealthPages;
import io.peerpod.node.health.HealthServer;
import io.peerpod.node.health.LifeMeter;
import io.peerpod.node.health.MeteredCloud;
import io.peerpod.node.health.MeteredStorage;
import io.peerpod.node.health.Metrics;
import io.peerpod.node.identity.Identities;
import io.peerpod.node.journal.DiskStorage;
import io.peerpod.node.journal.JournalException;
import io.peerpod.node.journal.JournalFolder;
import io.peerpod.node.mailbox.Sandboxes;
import io.peerpod.node.plan.HostPodNetworks;
import io.peerpod.node.plan.PodNetworks;
import io.peerpod.node.plan.SandboxPreparation;
import io.peerpod.node.process.RelayLink;
import io.peerpod.node.process.RelayProcess;
import io.peerpod.node.process.RelayUpgrade;
import io.peerpod.node.process.StopSignals;
import io.peerpod.node.process.Supervisor;
import io.peerpod.node.sweep.CloudWatches;
import io.peerpod.node.sweep.VmReport;
import io.peerpod.options.HelpRequestedException;
import io.peerpod.options.InvalidOptionsException;
import io.peerpod.options.Options;
import io.peerpod.options.Settings;
import io.peerpod.provider.CloudException;
import io.peerpod.provider.CloudProvider;
import io.peerpod.provider.CloudProviderFactory;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeMap;
import javax.net.ssl.SSLContext;

/** {@code cloud-api-adaptor <provider> [flags]}, {@code help}, {@code version} (adaptor.md 1.1, 1.6). */
public final class Main {
    private static final String PROGRAM = "cloud-api-adaptor";

    private Main() {}

    /** Runs until SIGTERM or SIGINT; a second one ends at once. */
    public static void main(String[] arguments) {
        int code = run(List.of(arguments), System.getenv());
        System.out.flush();
        System.err.flush();
        // Not exit: whatever still runs is meant to die here, and the journals say where it stood.
        Runtime.getRuntime().halt(code);
    }

    private static int run(List<String> arguments, Map<String, String> environment) {
        Map<String, CloudProviderFactory> providers = providers();
        String first = arguments.isEmpty() ? "" : arguments.getFirst();
        if (first.equals("version")) {
            System.out.println(banner());
            return 0;
        }
        if (first.equals("help")) {
            usage(System.out, providers);
            return 0;
        }
        CloudProviderFactory factory = providers.get(first);
        if (factory == null) {
            if (!first.isEmpty() && !first.startsWith("-")) {
                System.err.println(PROGRAM + ": there is no provider '" + first + "'");
            }
            usage(System.err, providers);
            return 1;
        }
        Options table = new Options(PROGRAM + " " + first);
        NodeOptions options = NodeOptions.declare(table, hostName());
        factory.declare(table);
        try {
            Reload.Source source = new Reload.Source(
                    PROGRAM + " " + first,
                    table,
                    options,
                    arguments.subList(1, arguments.size()),
                    environment,
                    Main::tlsProblems);
            Settings settings = source.settings();
            NodeConfig config = options.read(settings);
            LogLevel.first(config.logLevel());
            if (config.listVms()) {
                return listVms(config, factory, settings);
            }
            CloudProvider provider = checked(config, factory, settings);
            System.out.println(banner());
            System.out.println("starting Cloud API Adaptor daemon for \"" + first + "\"");
            System.out.print(table.effective(settings));
            warnings(config).forEach(System.out::println);
            Metrics metrics = new Metrics();
            return serve(
                    config,
                    new MeteredCloud(provider, metrics),
                    environment,
                    metrics,
                    new Reload(source, settings, metrics));
        } catch (HelpRequestedException e) {
            System.out.println(e.getMessage());
            return 0;
        } catch (InvalidOptionsException | IOException | JournalException e) {
            System.err.println(e instanceof InvalidOptionsException ? e.getMessage() : PROGRAM + ": " + e.getMessage());
            return 1;
        } catch (InterruptedException e) {
            return 1;
        }
    }

    static Map<String, CloudProviderFactory> providers() {
        Map<String, CloudProviderFactory> providers = new TreeMap<>();
        ServiceLoader.load(CloudProviderFactory.class).forEach(factory -> providers.put(factory.name(), factory));
        return providers;
    }

    private static int listVms(NodeConfig config, CloudProviderFactory factory, Settings settings)
            throws InterruptedException {
        try (CloudProvider provider = factory.create(settings)) {
            Path journals = config.stateDir().resolve("journal");
            System.out.print(new VmReport(provider, config.owner(), journals).json());
            return 0;
        } catch (CloudException | IllegalArgumentException | UncheckedIOException e) {
            System.err.println(PROGRAM + " -list-vms: " + e.getMessage());
            return 1;
        }
    }

    /** What can only be checked once every option is known: all problems of it at once. */
    private static CloudProvider checked(NodeConfig config, CloudProviderFactory factory, Settings settings)
            throws InvalidOptionsException, IOException, InterruptedException {
        List<String> problems = new ArrayList<>();
        problems.addAll(tlsProblems(config));
        problems.addAll(folderProblem("state-dir", config.stateDir(), "rwx------"));
        problems.addAll(folderProblem("pods-dir", config.podsDir(), "rwxr-xr-x"));
        CloudProvider provider = null;
        try {
            provider = factory.create(settings);
        } catch (IllegalArgumentException e) {
            problems.add(String.valueOf(e.getMessage()));
        }
        if (provider != null && problems.isEmpty() && config.cloudConfigVerify()) {
            try {
                provider.list(config.owner());
            } catch (CloudException e) {
                problems.add("-cloud-config-verify: the cloud cannot be used: " + e.getMessage());
            }
        }
        if (provider == null || !problems.isEmpty()) {
            throw new InvalidOptionsException(PROGRAM + " " + factory.name(), problems);
        }
        return provider;
    }

    private static List<String> tlsProblems(NodeConfig config) {
        return config.tls().problems(Clock.systemUTC().instant(), knownSuites(config));
    }

    private static List<String> knownSuites(NodeConfig config) {
        if (config.tls().profile().cipherSuites().isEmpty()) {
            return List.of();
        }
        try {
            return List.of(SSLContext.getDefault().getSupportedSSLParameters().getCipherSuites());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this JVM has no TLS", e);
        }
    }

    private static List<String> folderProblem(String flag, Path folder, String rights) {
        try {
            if (!Files.isDirectory(folder)) {
                Files.createDirectories(
                        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(rights)));
            }
            if (rights.equals("rwx------")) {
                Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(rights));
            }
            return Files.isWritable(folder)
                    ? List.of()
                    : List.of("-" + flag + ": this user may not write in " + folder);
        } catch (IOException e) {
            return List.of("-" + flag + ": the folder " + folder + " cannot be made or used: " + e);
        }
    }

    private static List<String> warnings(NodeConfig config) {
        List<String> warnings = new ArrayList<>();
        if (config.tls().disabled()) {
            warnings.add("warning: TLS is disabled; whoever reaches a guest's port drives its agent");
        } else if (config.tls().authority().isPresent()
                && config.tls().certificate().isEmpty()) {
            warnings.add(
                    "warning: -ca-cert-file without -cert-file: guests made from images with a CA of their own will refuse us");
        }
        if (config.tls().profile().minVersion().isPresent()
                || !config.tls().profile().cipherSuites().isEmpty()) {
            warnings.add("warning: the TLS profile is frozen into each pod VM when it is created");
        }
        return warnings;
    }

    private static int serve(
            NodeConfig config, CloudProvider provider, Map<String, String> environment, Metrics metrics, Reload reload)
            throws IOException, InterruptedException, JournalException {
        StopSignals ended = StopSignals.install();
        Clock clock = Clock.systemUTC();
        Identities identities = new Identities(config.stateDir().resolve("tls"), config.tls(), clock);
        PodNetworks networks = new HostPodNetworks(config.inspectOptions(), config.vxlanMinId());
        RelayProcess process = RelayProcess.of(config.stateDir());
        RelayLink relay = new RelayLink(process);
        GuestConfiguration configuration =
                new GuestConfiguration(identities, config.tls().profile(), config.initdata(), config.scratchSpace());
        Effects effects = new Effects(
                provider,
                config.owner(),
                relay,
                networks,
                identities,
                configuration,
                config.limits(),
                config.forwarderPort());
        JournalFolder journals = new JournalFolder(
                config.stateDir().resolve("journal"),
                new MeteredStorage(new DiskStorage(), metrics),
                clock,
                config.endedJournals());
        Daemon.Parts parts = new Daemon.Parts(
                new Sandboxes(journals, effects, new LifeMeter(metrics, clock)),
                effects,
                new SandboxPreparation(config.podsDir(), networks, identities, clock),
                configuration,
                identities,
                networks,
                relay,
                Supervisor.of(environment),
                new CloudWatches(
                        provider, config.owner(), config.sweepInterval(), config.vmWatchInterval(), metrics::swept));
        try (provider;
                Daemon daemon = Daemon.serve(config, parts)) {
            HealthPages.count(metrics, parts.sandboxes(), relay);
            HealthServer health =
                    HealthServer.start(config.probePort(), HealthPages.of(metrics, daemon::unready, reload::report));
            try (health) {
                reload.onTaken(fresh -> {
                    LogLevel.change(fresh.logLevel());
                    configuration.change(fresh.initdata(), fresh.scratchSpace());
                    effects.change(fresh.limits());
                });
                StopSignals.onHangUp(() -> reload.run("SIGHUP"));
                daemon.whenReplaced(health::close);
                daemon.start();
                RelayUpgrade.start(relay, process);
                reload.watch();
                ended.await();
            }
        }
        return 0;
    }

    private static void usage(PrintStream out, Map<String, CloudProviderFactory> providers) {
        out.println("usage: " + PROGRAM + " <provider> [flags]");
        out.println("       " + PROGRAM + " help | version");
        out.println("providers: " + String.join(", ", providers.keySet()));
        out.println("'" + PROGRAM + " <provider> -help' lists the flags");
    }

    private static String banner() {
        String version = Optional.ofNullable(Main.class.getPackage().getImplementationVersion())
                .orElse("development");
        return PROGRAM + " version " + version + " java " + Runtime.version();
    }

    static String hostName() {
        try {
            String name = Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
            return name.isEmpty() ? "localhost" : name;
        } catch (IOException e) {
            return "localhost";
        }
    }
}
