// SPDX-License-Identifier: Apache-2.0
package io.peerpod.node.effect;

import io.peerpod.contract.ContractException;
import io.peerpod.contract.ForwarderConfig;
import io.peerpod.contract.GuestPaths;
import io.peerpod.contract.Initdata;
import io.peerpod.contract.UserData;
import io.peerpod.node.identity.GuestCredentials;
import io.peerpod.node.identity.Identities;
import io.peerpod.node.identity.TlsProfile;
import io.peerpod.node.plan.SandboxPlan;
import io.peerpod.sandbox.Sandbox;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Composes a guest's user data (adaptor.md 2.5, 3.2); it exists in memory only. */
public final class GuestConfiguration {
    private static final Logger log = LoggerFactory.getLogger(GuestConfiguration.class);

    private final Map<String, FutureTask<String>> ahead = new ConcurrentHashMap<>();
    private final Identities identities;
    private final TlsProfile profile;
    private volatile Optional<String> globalInitdata;
    private volatile boolean scratchSpace;

    /**
     * @param globalInitdata base64 of gzip of TOML, for pods without initdata of their own; handed on verbatim
     * @param scratchSpace whether the guest is to prepare scratch space
     */
    public GuestConfiguration(
            Identities identities, TlsProfile profile, Optional<String> globalInitdata, boolean scratchSpace) {
        this.identities = identities;
        this.profile = profile;
        this.globalInitdata = globalInitdata;
        this.scratchSpace = scratchSpace;
    }

    /** Other defaults, for user data that is composed from now on. */
    public void change(Optional<String> newGlobalInitdata, boolean newScratchSpace) {
        globalInitdata = newGlobalInitdata;
        scratchSpace = newScratchSpace;
    }

    /** Composes a sandbox's user data ahead, so that StartVM does not wait for a certificate. */
    public void composeAhead(Sandbox sandbox) {
        FutureTask<String> task = new FutureTask<>(() -> compose(sandbox));
        if (ahead.putIfAbsent(sandbox.id(), task) == null) {
            Thread.ofVirtual().name("user-data-" + sandbox.id()).start(task);
        }
    }

    /** Drops what was composed ahead. */
    void forget(String sandboxId) {
        ahead.remove(sandboxId);
    }

    /**
     * The whole cloud-config text; secret.
     *
     * @throws ContractException if something cannot be carried in it
     * @throws IOException if the TLS identity cannot be read
     */
    String userData(Sandbox sandbox) throws ContractException, IOException, InterruptedException {
        FutureTask<String> task = ahead.remove(sandbox.id());
        if (task != null) {
            try {
                return task.get();
            } catch (ExecutionException e) {
                log.atDebug()
                        .addKeyValue("sandbox", sandbox.id())
                        .addKeyValue("failure", String.valueOf(e.getCause()))
                        .log("composing ahead failed; it is done again");
            }
        }
        return compose(sandbox);
    }

    private String compose(Sandbox sandbox) throws ContractException, IOException {
        SandboxPlan plan = SandboxPlan.of(sandbox);
        String serverName =
                identities.serverName(plan.tlsIdentity(), sandbox.token().instanceName());
        GuestCredentials credentials = identities.credentials(plan.tlsIdentity(), serverName);
        ForwarderConfig forwarder = new ForwarderConfig(
                Optional.of(plan.network()),
                sandbox.pod().namespace(),
                sandbox.pod().name(),
                credentials.serverKey(),
                credentials.serverCertificate(),
                credentials.clientAuthority(),
                profile.minVersion(),
                profile.cipherSuites());
        UserData userData = UserData.EMPTY.with(GuestPaths.APF_JSON, forwarder.write());
        Optional<String> initdata = plan.request()
                .initdata()
                .map(toml -> Initdata.encode(toml.getBytes(StandardCharsets.UTF_8)))
                .or(() -> globalInitdata);
        if (initdata.isPresent()) {
            userData = userData.with(GuestPaths.INITDATA, initdata.get());
        }
        if (scratchSpace) {
            userData = userData.with(GuestPaths.SCRATCH_SPACE_MARKER, "");
        }
        return userData.write();
    }
}
