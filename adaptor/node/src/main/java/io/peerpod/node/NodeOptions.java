// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node;

import io.peerpod.contract.ContractException;
import io.peerpod.contract.Initdata;
import io.peerpod.network.IpPrefix;
import io.peerpod.node.identity.TlsProfile;
import io.peerpod.node.identity.TlsSettings;
import io.peerpod.node.journal.EndedLimits;
import io.peerpod.node.plan.SandboxPreparation;
import io.peerpod.node.process.TakenSocket;
import io.peerpod.options.Option;
import io.peerpod.options.Options;
import io.peerpod.options.Parser;
import io.peerpod.options.Parsers;
import io.peerpod.options.Settings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/** The daemon's rows of the option table: those of adaptor.md 1.2, then our own. */
final class NodeOptions {
    private static final int MAX_AT_ONCE = 10_000;
    private static final int MAX_PORT = 65_535;
    private static final int MAX_VNI = 0xFFFFFF;
    /** Characters of a sandbox id as Kata makes them. */
    private static final int KATA_ID_CHARACTERS = 64;

    private final Option<Path> socket;
    private final Option<Path> podsDir;
    private final Option<Integer> forwarderPort;
    private final Option<Path> caCertFile;
    private final Option<Path> certFile;
    private final Option<Path> certKey;
    private final Option<Boolean> tlsSkipVerify;
    private final Option<String> tlsMinVersion;
    private final Option<List<String>> tlsCipherSuites;
    private final Option<Duration> proxyTimeout;
    private final Option<Integer> vxlanPort;
    private final Option<String> initdata;
    private final Option<Boolean> cloudConfigVerify;
    private final Option<Boolean> scratchSpace;
    private final Option<Boolean> externalNetwork;
    private final Option<List<IpPrefix>> podSubnets;
    private final Option<Boolean> disableTls;
    private final Option<String> hostInterface;
    private final Option<Integer> vxlanMinId;
    private final Option<Path> stateDir;
    private final Option<String> clusterName;
    private final Option<String> nodeName;
    private final Option<Duration> orphanGrace;
    private final Option<Integer> cloudCreates;
    private final Option<Integer> cloudDeletes;
    private final Option<Duration> vmCheckInterval;
    private final Option<Duration> stopGrace;
    private final Option<Duration> vmWatchInterval;
    private final Option<Duration> sweepInterval;
    private final Option<Boolean> listVms;
    private final Option<Integer> endedJournals;
    private final Option<Duration> endedJournalsAge;
    private final Option<String> logLevel;
    private final Option<Integer> probePort;

    private NodeOptions(Options table, String hostName) {
        socket = table.add(
                "socket",
                "REMOTE_HYPERVISOR_ENDPOINT",
                socketPath(),
                "/run/peerpod/hypervisor.sock",
                "unix socket for the shims and for VM information");
        podsDir = table.add(
                "pods-dir",
                "PODS_DIR",
                podsFolder(),
                "/run/peerpod/pods",
                "folder of the per-sandbox folders with their agent sockets");
        table.add("pause-image", "PAUSE_IMAGE", Parsers.string(), "", "accepted for compatibility and not used");
        forwarderPort = table.add(
                "forwarder-port", "FORWARDER_PORT", Parsers.port(), "15150", "TCP port of the forwarder in the pod VM");
        caCertFile = table.add(
                "ca-cert-file",
                "CACERT_FILE",
                Parsers.path(),
                null,
                "PEM file of the CA that signed the forwarder's certificate; without it certificates are made automatically");
        certFile = table.add("cert-file", "CERT_FILE", Parsers.path(), null, "PEM file of the client certificate");
        certKey = table.add("cert-key", "CERT_KEY", Parsers.path(), null, "PEM file of the client certificate's key");
        tlsSkipVerify = table.addSwitch(
                "tls-skip-verify", "TLS_SKIP_VERIFY", false, "refused when set: a guest is always verified");
        tlsMinVersion = table.add(
                "tls-min-version",
                "TLS_MIN_VERSION",
                Parsers.oneOf("VersionTLS12", "VersionTLS13"),
                null,
                "least TLS version; without it TLS 1.2");
        tlsCipherSuites = table.add(
                "tls-cipher-suites",
                "TLS_CIPHER_SUITES",
                Parsers.list(Parsers.nonBlank()),
                null,
                "comma-separated IANA names of the TLS 1.2 cipher suites");
        proxyTimeout = table.add(
                "proxy-timeout",
                "PROXY_TIMEOUT",
                Parsers.duration(Duration.ofSeconds(1), Duration.ofHours(24)),
                "5m",
                "how long a guest may take to answer, from its address on (a duration)");
        table.add("tunnel-type", "TUNNEL_TYPE", Parsers.oneOf("vxlan"), "vxlan", "kind of the pods' tunnels");
        vxlanPort =
                table.add("vxlan-port", "VXLAN_PORT", Parsers.port(), "4789", "UDP port of the tunnels on both sides");
        initdata = table.add(
                        "initdata",
                        "INITDATA",
                        initdataText(),
                        null,
                        "initdata for pods without their own: base64 of gzip of TOML")
                .secret();
        cloudConfigVerify = table.addSwitch(
                "cloud-config-verify", "CLOUD_CONFIG_VERIFY", false, "ask the cloud at start whether it can be used");
        table.add(
                "peerpods-limit-per-node",
                "PEERPODS_LIMIT_PER_NODE",
                Parsers.integer(-1, 1_000_000),
                "10",
                "capacity to advertise; negative means not to");
        scratchSpace = table.addSwitch(
                "enable-scratch-space",
                "ENABLE_SCRATCH_SPACE",
                false,
                "have the guest prepare encrypted scratch space");
        externalNetwork = table.addSwitch(
                "ext-network-via-podvm",
                "EXTERNAL_NETWORK_VIA_PODVM",
                false,
                "experimental: the VM's second interface is the pod's way out");
        podSubnets = table.add(
                        "pod-subnet-cidrs",
                        "POD_SUBNET_CIDRS",
                        Parsers.list(Parsers.of("a network such as 10.0.0.0/8", IpPrefix::parse)),
                        null,
                        "experimental: destinations that stay on the tunnel, comma separated")
                .appending();
        disableTls = table.addSwitch("disable-tls", null, false, "plain TCP to the forwarder; for tests only");
        hostInterface = table.add(
                "host-interface",
                null,
                Parsers.nonBlank(),
                null,
                "worker interface whose address is the tunnel's end; without it that of the default route");
        vxlanMinId = table.add("vxlan-min-id", null, Parsers.integer(1, MAX_VNI), "555000", "smallest VNI");
        stateDir = table.add(
                "state-dir",
                "PEERPOD_STATE_DIR",
                Parsers.absolutePath(),
                "/run/peerpod/state",
                "folder (mode 0700) of journals, TLS identities, the relay's socket and log");
        clusterName = table.add(
                "cluster-name",
                "PEERPOD_CLUSTER_NAME",
                Parsers.nonBlank(),
                "default",
                "written into the tags of pod VMs; must differ between clusters that share an account");
        nodeName = table.add(
                "node-name",
                "NODE_NAME",
                Parsers.nonBlank(),
                hostName,
                "written into the tags of pod VMs; this worker's name");
        orphanGrace = table.add(
                "orphan-grace",
                "PEERPOD_ORPHAN_GRACE",
                Parsers.duration(),
                "1m",
                "how long a running sandbox may be without a connection of its shim before it is stopped; 0 means for ever");
        cloudCreates = table.add(
                "cloud-creates",
                "PEERPOD_CLOUD_CREATES",
                Parsers.integer(1, MAX_AT_ONCE),
                "64",
                "create calls to the cloud at once");
        cloudDeletes = table.add(
                "cloud-deletes",
                "PEERPOD_CLOUD_DELETES",
                Parsers.integer(1, MAX_AT_ONCE),
                "64",
                "delete and find calls to the cloud at once");
        vmCheckInterval = table.add(
                "vm-check-interval",
                "PEERPOD_VM_CHECK_INTERVAL",
                Parsers.duration(Duration.ofMillis(100), Duration.ofHours(1)),
                "5s",
                "how often the cloud is asked about a VM whose guest has not answered yet");
        stopGrace = table.add(
                "stop-grace",
                "PEERPOD_STOP_GRACE",
                Parsers.duration(Duration.ZERO, Duration.ofMinutes(10)),
                "3s",
                "how long calls in flight may take when the daemon is asked to end");
        vmWatchInterval = table.add(
                "vm-watch-interval",
                "PEERPOD_VM_WATCH_INTERVAL",
                Parsers.duration(Duration.ZERO, Duration.ofHours(24)),
                "1m",
                "how often the cloud is asked, with one listing, for the VMs of running pods; 0 means never");
        sweepInterval = table.add(
                "sweep-interval",
                "PEERPOD_SWEEP_INTERVAL",
                Parsers.duration(Duration.ZERO, Duration.ofHours(24)),
                "5m",
                "how often VMs that nobody answers for are looked for and deleted, first at start; 0 means never");
        listVms = table.addSwitch(
                "list-vms",
                null,
                false,
                "print this worker's pod VMs with owner, age and verdict as JSON, change nothing, and exit");
        endedJournals = table.add(
                "ended-journals",
                "PEERPOD_ENDED_JOURNALS",
                Parsers.integer(0, MAX_AT_ONCE),
                String.valueOf(EndedLimits.DEFAULT_COUNT),
                "journals of sandboxes that are gone, kept for 'peerpod why'; 0 keeps none");
        endedJournalsAge = table.add(
                "ended-journals-age",
                "PEERPOD_ENDED_JOURNALS_AGE",
                Parsers.duration(Duration.ofMinutes(1), Duration.ofDays(366)),
                EndedLimits.DEFAULT_AGE.toHours() + "h",
                "how long journals of sandboxes that are gone are kept");
        probePort = table.add(
                "probe-port",
                "PROBE_PORT",
                Parsers.integer(0, MAX_PORT),
                "8000",
                "TCP port on 127.0.0.1 of /healthz, /readyz, /startup, /metrics and /configz; 0 serves none of them");
        table.add(
                ConfigFile.FLAG,
                ConfigFile.VARIABLE,
                Parsers.path(),
                null,
                "file of VARIABLE=value lines, beneath the environment; read again on SIGHUP and when it changes, see docs/operations.md");
        logLevel = table.add(
                "log-level",
                "PEERPOD_LOG_LEVEL",
                Parsers.oneOf("trace", "debug", "info", "warn", "error"),
                "info",
                "least severity that is logged");
    }

    /** @param hostName default of node-name */
    static NodeOptions declare(Options table, String hostName) {
        return new NodeOptions(table, hostName);
    }

    NodeConfig read(Settings settings) {
        TlsProfile profile = new TlsProfile(
                settings.find(tlsMinVersion), settings.find(tlsCipherSuites).orElse(List.of()));
        return new NodeConfig(
                settings.get(socket).toAbsolutePath(),
                settings.get(podsDir).toAbsolutePath(),
                settings.get(stateDir),
                settings.get(forwarderPort),
                new TlsSettings(
                        settings.get(disableTls),
                        settings.get(tlsSkipVerify),
                        settings.find(caCertFile),
                        settings.find(certFile),
                        settings.find(certKey),
                        profile),
                settings.get(proxyTimeout),
                settings.get(vxlanPort),
                settings.get(vxlanMinId),
                settings.find(hostInterface),
                settings.find(podSubnets).orElse(List.of()),
                settings.get(externalNetwork),
                settings.find(initdata),
                settings.get(scratchSpace),
                settings.get(cloudConfigVerify),
                settings.get(clusterName),
                settings.get(nodeName),
                settings.get(orphanGrace),
                settings.get(cloudCreates),
                settings.get(cloudDeletes),
                settings.get(vmCheckInterval),
                settings.get(stopGrace),
                settings.get(vmWatchInterval),
                settings.get(sweepInterval),
                settings.get(listVms),
                new EndedLimits(settings.get(endedJournals), settings.get(endedJournalsAge)),
                settings.get(logLevel),
                settings.get(probePort));
    }

    private static Parser<Path> socketPath() {
        int max = SandboxPreparation.MAX_SOCKET_PATH_BYTES;
        return Parsers.of("a path of at most " + max + " bytes (sun_path)", text -> {
            Path path = Parsers.path().parse(text).toAbsolutePath();
            if (TakenSocket.longestName(path) > max) {
                throw new IllegalArgumentException();
            }
            return path;
        });
    }

    private static Parser<Path> podsFolder() {
        int room = SandboxPreparation.MAX_SOCKET_PATH_BYTES
                - KATA_ID_CHARACTERS
                - SandboxPreparation.AGENT_SOCKET.length()
                - 2;
        return Parsers.of(
                "a path of at most " + room + " bytes without a colon, so that <pods-dir>/<sandbox>/"
                        + SandboxPreparation.AGENT_SOCKET + " is a socket path that shims take",
                text -> {
                    Path path = Parsers.path().parse(text).toAbsolutePath();
                    if (path.toString().length() > room || path.toString().indexOf(':') >= 0) {
                        throw new IllegalArgumentException();
                    }
                    return path;
                });
    }

    private static Parser<String> initdataText() {
        return new Parser<>() {
            @Override
            public String parse(String text) {
                try {
                    Initdata.decode(text);
                    return text;
                } catch (ContractException e) {
                    throw new IllegalArgumentException(
                            accepted() + " (" + e.place() + ": expected " + e.expected() + ")", e);
                }
            }

            @Override
            public String accepted() {
                return "base64 of gzip of an initdata document in TOML";
            }
        };
    }
}
